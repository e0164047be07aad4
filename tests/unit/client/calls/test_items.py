"""Calls about items: what is sent, and what comes of the answer."""

from array import array

import pytest
import tihua
from answering_server import MODEL, TIMING, AnsweringServer, Call, block, failure
from tihua.v1 import collection_service_pb2, types_pb2


def test_upsert_tells_what_became_of_the_items(server: AnsweringServer, call: Call) -> None:
    """Those that failed by index, the others written."""
    response = collection_service_pb2.UpsertItemsResponse(
        items_written=1, errors=[failure(1)], model=MODEL, timing=TIMING
    )
    server.answer("UpsertItems", response)
    result = call("upsert", [tihua.Item("a", text="一", uri="u"), tihua.Item("b", text="")])
    assert result.written == 1
    assert [error.index for error in result.errors] == [1]
    assert [item.id for item in server.requests[0].items] == ["a", "b"]


def test_items_are_got_by_id(server: AnsweringServer, call: Call) -> None:
    """With the fields that were asked for."""
    response = collection_service_pb2.GetItemsResponse(
        items=[types_pb2.Item(id="a", embedding=block([0.6, 0.8]))], missing_ids=["b"]
    )
    server.answer("GetItems", response)
    (item,) = call("get_items", ["a", "b"], fields=["embedding"])
    assert (item.id, item.embedding) == ("a", array("f", [0.6, 0.8]))
    assert list(server.requests[0].ids) == ["a", "b"]
    assert list(server.requests[0].read_mask.paths) == ["embedding"]


def test_all_pages_of_the_items_are_listed(server: AnsweringServer, call: Call) -> None:
    """With the same filter, and bound parameters, on each."""
    pages = [
        collection_service_pb2.ListItemsResponse(
            items=[types_pb2.Item(id=name)], next_page_token=token
        )
        for name, token in (("a", "1"), ("b", ""))
    ]
    server.answer("ListItems", *pages)
    found = call("list_items", filter="year >= {since}", params={"since": 1999}, page_size=1)
    assert [item.id for item in found] == ["a", "b"]
    assert [request.page_token for request in server.requests] == ["", "1"]
    assert {request.filter for request in server.requests} == {"year >= {since}"}
    assert all(request.filter_params["since"] == 1999 for request in server.requests)


def test_the_next_page_is_fetched_when_it_is_reached(server: AnsweringServer) -> None:
    """A million items are not read by looking at the first."""
    page = collection_service_pb2.ListItemsResponse(
        items=[types_pb2.Item(id="a")], next_page_token="more"
    )
    server.answer("ListItems", page)
    with tihua.Client(server.address) as client:
        items = client.list_items()
        assert server.requests == []
        next(items)
        assert len(server.requests) == 1
        next(items)
        assert len(server.requests) == 2


def test_items_are_counted_and_deleted(server: AnsweringServer, call: Call) -> None:
    """By ids, or by filter."""
    server.answer("CountItems", collection_service_pb2.CountItemsResponse(count=7))
    server.answer("DeleteItems", collection_service_pb2.DeleteItemsResponse(deleted_count=3))
    assert call("count_items", filter="year > 2000") == 7
    assert call("delete_items", ["a", "b"]) == 3
    assert call("delete_items", filter="year > 2000") == 3
    assert [request.filter for request in server.requests] == ["year > 2000", "", "year > 2000"]
    assert list(server.requests[1].ids) == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "neither ids nor filter"),
        ({"ids": ["a"], "filter": "year > 2000"}, "both ids and filter"),
    ],
)
def test_nothing_is_deleted_by_accident(
    server: AnsweringServer, call: Call, arguments: dict[str, object], sentence: str
) -> None:
    """Neither by leaving all out, nor by giving both."""
    with pytest.raises(tihua.InvalidRequestError, match=sentence):
        call("delete_items", **arguments)
    assert server.requests == []
