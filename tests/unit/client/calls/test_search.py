"""Searching over a real channel: what is sent, and what comes of the answer."""

from array import array
from pathlib import Path

import grpc
import pytest
import tihua
from answering_server import MODEL, TIMING, AnsweringServer, Call, block, failure
from google.protobuf import struct_pb2
from tihua.v1 import search_service_pb2, types_pb2

BUSY = types_pb2.ItemError(
    code=8, reason="OVERLOADED", message="full", metadata={"retry_after_s": "0.01"}, retryable=True
)
LOADING = types_pb2.ItemError(
    code=14, reason="COLLECTION_LOADING", message="try again in a moment", retryable=True
)


def many(*outcomes: str | types_pb2.ItemError) -> search_service_pb2.SearchManyResponse:
    """Return an answer with one hit of this id, or this error, for each query."""
    answer = search_service_pb2.SearchManyResponse()
    for outcome in outcomes:
        entry = answer.entries.add()
        if isinstance(outcome, types_pb2.ItemError):
            entry.error.CopyFrom(outcome)
        else:
            entry.response.hits.add().item.id = outcome
    return answer


def test_search_returns_hits_best_first(server: AnsweringServer, call: Call) -> None:
    """With what the answer says of model, time and the next page."""
    found = types_pb2.Item(id="a", uri="file:///a.jpg", embedding=block([0.6, 0.8]))
    found.metadata.update({"year": 2024})
    response = search_service_pb2.SearchResponse(
        hits=[
            search_service_pb2.Hit(
                item=found, score=0.5, group_value=struct_pb2.Value(number_value=2024)
            ),
            search_service_pb2.Hit(item=types_pb2.Item(id="b"), score=0.25),
        ],
        next_page_token="next",
        model=MODEL,
        timing=TIMING,
    )
    server.answer("Search", response)
    result = call("search", text="夕阳西下", limit=2)
    assert [hit.id for hit in result] == ["a", "b"]
    assert result[0] == tihua.Hit(
        "a", 0.5, "file:///a.jpg", {"year": 2024}, array("f", [0.6, 0.8]), 2024
    )
    assert (result[1].embedding, result[1].group) == (None, None)
    assert len(result) == len(result[:]) == 2
    assert result.next_page_token == "next"
    assert result.model == tihua.ModelRef("fake", "fa4efa4efa4efa4e")
    assert (result.timing.queue_us, result.timing.total_us, result.timing.batch_size) == (1, 9, 4)
    assert (server.requests[0].collection, server.requests[0].limit) == ("mine", 2)
    assert server.requests[0].terms[0].text == "夕阳西下"


def test_search_by_a_picture_sends_the_file(
    server: AnsweringServer, call: Call, tmp_path: Path
) -> None:
    """The server opens no paths."""
    path = tmp_path / "query.jpg"
    path.write_bytes(b"jpeg")
    server.answer("Search", search_service_pb2.SearchResponse())
    call("search", image=path, collection="other")
    assert server.requests[0].terms[0].image.content == b"jpeg"
    assert server.requests[0].collection == "other"


def test_search_many_returns_an_error_among_the_results(
    server: AnsweringServer, call: Call
) -> None:
    """One query that fails does not disturb the others."""
    entry = search_service_pb2.SearchManyResponse.Entry
    server.answer(
        "SearchMany",
        search_service_pb2.SearchManyResponse(
            entries=[entry(response=search_service_pb2.SearchResponse()), entry(error=failure(1))]
        ),
    )
    first, second = call(
        "search_many", [tihua.Query(text="一"), tihua.Query(text="", collection="other")]
    )
    assert len(first) == 0
    assert isinstance(second, tihua.InvalidRequestError)
    assert second.reason == "EMPTY_TEXT"
    assert [request.collection for request in server.requests[0].requests] == ["mine", "other"]


QUERIES = [tihua.Query(text=text) for text in "一二三四"]


def test_queries_that_are_refused_for_now_are_asked_for_again(
    server: AnsweringServer, call: Call
) -> None:
    """They, and no others; every answer has the place of its query."""
    server.answer("SearchMany", many("1", BUSY, failure(2), LOADING), many(BUSY, "4"), many("2"))
    first, second, third, fourth = call("search_many", QUERIES)
    assert [result[0].id for result in (first, second, fourth)] == ["1", "2", "4"]
    assert isinstance(third, tihua.InvalidRequestError)
    asked = [[each.terms[0].text for each in request.requests] for request in server.requests]
    assert asked == [["一", "二", "三", "四"], ["二", "四"], ["二"]]


@pytest.mark.parametrize(
    ("refusal", "error"), [(BUSY, tihua.OverloadedError), (LOADING, tihua.UnavailableError)]
)
def test_a_query_is_not_asked_for_for_ever(
    server: AnsweringServer, call: Call, refusal: types_pb2.ItemError, error: type[Exception]
) -> None:
    """Four attempts, as of one query by itself."""
    server.answer("SearchMany", many(refusal))
    [result] = call("search_many", QUERIES[:1])
    assert type(result) is error
    assert len(server.requests) == 4


def test_what_was_found_is_kept_when_the_rest_can_not_be_asked_for(
    server: AnsweringServer, call: Call
) -> None:
    """The server went away meanwhile; the refused query has its own error, not that one."""
    server.answer("SearchMany", many("1", BUSY), grpc.StatusCode.INTERNAL)
    first, second = call("search_many", QUERIES[:2])
    assert first[0].id == "1"
    assert isinstance(second, tihua.OverloadedError)


def test_a_query_without_an_answer_is_an_error(server: AnsweringServer, call: Call) -> None:
    """The server's, against the contract."""
    server.answer("SearchMany", many("1"))
    first, second = call("search_many", QUERIES[:2])
    assert first[0].id == "1"
    assert isinstance(second, tihua.ServerError)
