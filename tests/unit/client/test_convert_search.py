"""Queries as messages."""

import pytest
from google.protobuf.struct_pb2 import Struct
from tihua import InvalidRequestError, Query, Term
from tihua._convert_search import search_request


def test_a_query_looks_for_exactly_one_thing() -> None:
    """The message names those that were given."""
    with pytest.raises(InvalidRequestError, match="the query has nothing to look for"):
        search_request(Query(), "c")
    with pytest.raises(InvalidRequestError, match="the query has text and item_id"):
        search_request(Query(text="夕阳", item_id="a"), "c")
    with pytest.raises(InvalidRequestError, match=r"terms\[1\] has nothing to look for"):
        search_request(Query(terms=[Term(text="夕阳"), Term()]), "c")


def test_a_query_travels_with_all_that_it_has() -> None:
    """Terms, weights, bound parameters, bounds."""
    query = Query(
        terms=[Term(text="夕阳", weight=2.0), Term(item_id="a", weight=-1.0)],
        limit=3,
        filter="year >= {since}",
        params={"since": 1999},
        min_score=0.25,
        fields=["embedding"],
        index_params={"ef": 64},
        consistency="strong",
        page_token="next",  # no password
        group_by="album",
        group_size=2,
        collection="mine",
    )
    request = search_request(query, "default")
    params = Struct()
    params.update({"since": 1999})
    assert request.collection == "mine"
    assert [(term.WhichOneof("value"), term.weight) for term in request.terms] == [
        ("text", 2.0),
        ("item_id", -1.0),
    ]
    assert (request.limit, request.filter, request.min_score) == (3, "year >= {since}", 0.25)
    assert request.filter_params == params
    assert list(request.read_mask.paths) == ["embedding"]
    assert dict(request.index_params) == {"ef": 64}
    assert (request.consistency, request.page_token) == (2, "next")
    assert (request.group_by, request.group_size) == ("album", 2)


def test_what_is_not_said_stays_unset() -> None:
    """A lowest score of 0 would leave out hits that point away, and a group of 0 is refused."""
    request = search_request(Query(text="夕阳"), "c")
    assert not request.HasField("min_score")
    assert not request.HasField("group_size")
