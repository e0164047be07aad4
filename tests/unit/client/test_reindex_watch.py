"""How often a reindex looks where its alias leads, by a clock that stands still."""

from collections.abc import Iterator

import pytest
import tihua
from answering_server import AnsweringServer
from clock import Clock
from server_thread import Serve
from tihua._reindex.plan import Plan
from tihua._reindex.watch import AliasWatch
from tihua.v1 import collection_service_pb2

PLAN = Plan("photos", "photos_1", "photos_2", is_alias=True)


class SlowClock(Clock):
    """A clock of which each reading takes a while."""

    step_s = 0.0

    def __call__(self) -> float:
        """Return the time, and let some pass."""
        now_s = super().__call__()
        self.now_s += self.step_s
        return now_s


@pytest.fixture
def server(serve: Serve) -> AnsweringServer:
    """A server whose alias leads to the old collection."""
    server = AnsweringServer(serve)
    collection = collection_service_pb2.Collection(name="photos_1")
    server.answer(
        "GetCollection", collection_service_pb2.GetCollectionResponse(collection=collection)
    )
    return server


@pytest.fixture
def client(server: AnsweringServer) -> Iterator[tihua.Client]:
    """A client of that server."""
    with tihua.Client(server.address) as opened:
        yield opened


@pytest.mark.parametrize(("answer_s", "pause_s"), [(0.0, 1.0), (0.2, 10.0), (4.0, 60.0)])
def test_looks_take_little_of_the_time(
    server: AnsweringServer, client: tihua.Client, answer_s: float, pause_s: float
) -> None:
    """The server counts the collection for each, however large it is."""
    clock = SlowClock()
    watch = AliasWatch(client, PLAN, now=clock)
    clock.step_s = answer_s
    watch.check()
    clock.step_s = 0.0
    answered_s = clock.now_s - answer_s  # the second reading lets time pass too
    clock.now_s = answered_s + pause_s - 0.01
    watch.check_at_times()
    assert len(server.requests) == 1
    clock.now_s = answered_s + pause_s + 0.01
    watch.check_at_times()
    assert len(server.requests) == 2
    watch.check()
    assert len(server.requests) == 3


def test_an_alias_that_was_moved_is_told(server: AnsweringServer, client: tihua.Client) -> None:
    """At the next look."""
    clock = Clock()
    watch = AliasWatch(client, PLAN, now=clock)
    watch.check_at_times()
    moved = collection_service_pb2.Collection(name="photos_2")
    server.answer("GetCollection", collection_service_pb2.GetCollectionResponse(collection=moved))
    watch.check_at_times()
    clock.now_s += 2.0
    with pytest.raises(tihua.FailedPreconditionError, match="leads to photos_2 now"):
        watch.check_at_times()
