"""How many items a pass of a reindex fetches in one call."""

from collections.abc import Sequence
from typing import Any

import pytest
import tihua
from answering_server import AnsweringServer
from google.protobuf.timestamp_pb2 import Timestamp
from server_thread import Serve
from tihua._reconnect import ReconnectPolicy
from tihua._reindex.changes import Seen
from tihua._reindex.early import EarlyWriter
from tihua._reindex.one_pass import Pass
from tihua._reindex.plan import Plan
from tihua.v1 import collection_service_pb2, system_service_pb2, types_pb2

PLAN = Plan("photos", "photos_1", "photos_2", is_alias=True)
LIMITS = system_service_pb2.Limits(max_page_size=1_000, max_batch_items=1_024)


def listed(numbers: Sequence[int], *, seconds: int = 1) -> collection_service_pb2.ListItemsResponse:
    """Return a list of items that were all written at one time."""
    return collection_service_pb2.ListItemsResponse(
        items=[
            types_pb2.Item(id=f"{number:05}", update_time=Timestamp(seconds=seconds))
            for number in numbers
        ]
    )


@pytest.fixture
def server(serve: Serve) -> AnsweringServer:
    """A server that lists items, as the test says, and finds none of them when they are fetched."""
    server = AnsweringServer(serve)
    info = system_service_pb2.GetServerInfoResponse(limits=LIMITS)
    collection = collection_service_pb2.Collection(name=PLAN.source)
    found = collection_service_pb2.GetCollectionResponse(collection=collection)
    server.answer("GetServerInfo", info)
    server.answer("GetCollection", found)
    server.answer("CountItems", collection_service_pb2.CountItemsResponse())
    server.answer("GetItems", collection_service_pb2.GetItemsResponse())
    server.answer("DeleteItems", collection_service_pb2.DeleteItemsResponse())
    return server


def run(server: AnsweringServer) -> None:
    """Run the first pass of a reindex."""

    def content(item: tihua.Item) -> str:
        raise AssertionError(item)

    with tihua.Client(server.address) as client:
        Pass(
            client,
            PLAN,
            content,
            client.server_info().limits,
            stage="copy",
            seen=Seen(),
            writer=EarlyWriter(client, PLAN, ReconnectPolicy(0.0)),
            reported_ids=set(),
            on_progress=lambda _: None,
        ).run()


def requests(server: AnsweringServer, kind: type[Any]) -> list[Any]:
    """Return the requests of a kind."""
    return [request for request in server.requests if isinstance(request, kind)]


@pytest.mark.parametrize(
    ("kept", "fetched"),
    [
        pytest.param(range(0), [256, 256, 88], id="an empty copy"),
        pytest.param(range(1_000), [256, 256, 88], id="a copy that was interrupted"),
        pytest.param(range(1, 1_001), [1, 256, 256, 87], id="a change before many kept items"),
    ],
)
def test_items_are_fetched_by_the_page(
    server: AnsweringServer, kept: range, fetched: list[int]
) -> None:
    """What is found waits for a full page, or for a thousand items that are kept."""
    server.answer("ListItems", listed(range(600 + len(kept))), listed(kept))
    run(server)
    calls = requests(server, collection_service_pb2.GetItemsRequest)
    assert [len(call.ids) for call in calls] == fetched


def test_outdated_copies_are_deleted_by_the_page(server: AnsweringServer) -> None:
    """With one look at the alias for each call."""
    server.answer("ListItems", listed(range(600)), listed(range(600), seconds=2))
    run(server)
    calls = requests(server, collection_service_pb2.DeleteItemsRequest)
    assert [len(call.ids) for call in calls] == [256, 256, 88]
    assert len(requests(server, collection_service_pb2.GetCollectionRequest)) == 3
