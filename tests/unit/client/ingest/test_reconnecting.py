"""Ingest over a real channel to a server that breaks, drains, forgets and is busy."""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator

import grpc
import pytest
from fake_ingest_server import IDLE_S, End, FakeServer, Plan, Refusing
from free_port import HOST, free_port
from grpc import aio
from ingest_run import Run, ids, items
from refusals import refusal
from server_thread import Serve
from tihua import FailedPreconditionError, Item, UnavailableError


@pytest.mark.parametrize("end", ["break", "lost ack", "drain"])
def test_an_ingest_goes_on_after_a_break(serve: Serve, run: Run, end: End) -> None:
    """Three broken streams later each item is stored once, and counted once."""
    server = FakeServer(Plan(end, after=2), Plan(end, after=1), Plan(end, after=3, credit=4))
    summary = run(serve(server.register), items(25))
    assert server.stored == ids(25)
    assert server.violations == []
    assert (summary.written, summary.sent) == (25, 25)
    assert len(server.starts) == 4
    assert len({start.session_id for start in server.starts}) == 1


def test_an_ingest_goes_on_with_a_server_that_forgot_the_session(serve: Serve, run: Run) -> None:
    """As after a restart: it is told what was read, and the totals are of all."""
    server = FakeServer(Plan("break", after=4), Plan(forgets=True))
    summary = run(serve(server.register), items(20))
    assert server.stored == ids(20)
    assert server.violations == []
    assert (summary.written, summary.sent) == (20, 20)
    assert run.progress[-1].committed_seq == 10


def test_an_ingest_finds_a_server_that_was_started_again(run: Run) -> None:
    """The connection is lost between two batches, and another process answers at the address."""

    async def exchange() -> tuple[FakeServer, FakeServer]:
        first, second = FakeServer(Plan("hang", after=3)), FakeServer()
        old, port = await start(first, 0)
        ingest = asyncio.create_task(asyncio.to_thread(run, f"127.0.0.1:{port}", items(20)))
        await asyncio.to_thread(first.hangs.wait)
        await old.stop(grace=None)
        new, _ = await start(second, port)
        await ingest
        await new.stop(grace=None)
        return first, second

    first, second = asyncio.run(exchange())
    assert sorted({*first.stored, *second.stored}) == sorted(ids(20))
    assert second.violations == []


async def start(servicer: FakeServer, port: int) -> tuple[aio.Server, int]:
    """Start a server at a port, or for 0 at one that is free; return it and its port."""
    server = aio.server()
    servicer.register(server)
    port = server.add_insecure_port(f"{HOST}:{port}")
    await server.start()
    return server, port


def test_an_ingest_may_begin_before_its_server(run: Run) -> None:
    """Longer before than gRPC itself would wait; it is told of, as any outage."""
    told = threading.Event()
    servicer, port = FakeServer(), free_port()

    async def late() -> None:
        ingest = asyncio.create_task(
            asyncio.to_thread(run, f"{HOST}:{port}", items(5), on_break=lambda _: told.set())
        )
        assert await asyncio.to_thread(told.wait, 20)
        server, _ = await start(servicer, port)
        await ingest
        await server.stop(grace=None)

    asyncio.run(late())
    assert servicer.stored == ids(5)


@pytest.mark.parametrize("count", [4, 1_000])
def test_a_server_that_stays_away_is_given_up(serve: Serve, run: Run, count: int) -> None:
    """When nothing gets through for reconnect_timeout, however many items are left."""
    server = FakeServer(*[Plan("break", after=1)] * 100)
    with pytest.raises(UnavailableError):
        run(serve(server.register), items(count), reconnect_timeout=0.3)
    assert len(server.starts) > 1
    assert server.plans


def test_a_store_that_answers_no_question_is_given_up(serve: Serve, run: Run) -> None:
    """However well each stream opens."""
    server = FakeServer()
    with pytest.raises(UnavailableError):
        run(
            serve(server.register),
            items(4),
            mode="skip-existing",
            collection="half-away",
            reconnect_timeout=0.3,
        )
    assert len(server.starts) > 1


def test_no_reconnecting_is_an_option(serve: Serve, run: Run) -> None:
    """With reconnect_timeout 0 the first break is the end."""
    server = FakeServer(Plan("break", after=1))
    with pytest.raises(UnavailableError):
        run(serve(server.register), items(4), reconnect_timeout=0.0)
    assert len(server.starts) == 1


def test_a_call_with_the_session_of_an_earlier_one_goes_on_where_it_stopped(
    serve: Serve, run: Run
) -> None:
    """The same items are given again; those that are safe are not sent again."""
    server = FakeServer(Plan("break", after=3))
    address = serve(server.register)
    with pytest.raises(UnavailableError):
        run(address, items(9), session_id="mine", reconnect_timeout=0.0)
    summary = run(address, items(9), session_id="mine")
    assert server.stored == ids(9)
    assert summary.sent == 9


def test_a_call_with_the_session_of_an_earlier_one_is_refused_for_other_items(
    serve: Serve, run: Run
) -> None:
    """They would be taken for those that are safe, and nothing is sent before that is clear."""
    server = FakeServer(Plan("break", after=3))
    address = serve(server.register)
    with pytest.raises(UnavailableError):
        run(address, items(9), session_id="mine", reconnect_timeout=0.0)
    stored = list(server.stored)
    with pytest.raises(FailedPreconditionError, match="other items than these"):
        run(address, items(9)[::-1], session_id="mine")
    assert server.stored == stored


def test_a_busy_server_is_tried_again(serve: Serve, run: Run) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo is an invitation to come back."""
    server = Refusing(refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", retry_after_s=0.01))
    assert run(serve(server.register), items(3)).written == 3


def test_a_session_that_went_on_elsewhere_is_not_taken_back(serve: Serve, run: Run) -> None:
    """Two clients of one session must not end each other's streams in turns."""
    server = Refusing(refusal(grpc.StatusCode.ABORTED, "the session went on in another stream"))
    with pytest.raises(FailedPreconditionError, match="went on in another stream"):
        run(serve(server.register), items(3))
    assert len(server.starts) == 1


def test_a_stream_that_is_always_ended_as_idle_before_a_batch_arrives_is_given_up(
    serve: Serve, run: Run
) -> None:
    """As by a network that needs longer for one batch than the server waits for it."""
    idle = refusal(grpc.StatusCode.UNAVAILABLE, "idle for 300 s", reason="STREAM_IDLE")
    server = Refusing(*[idle] * 1_000)
    with pytest.raises(UnavailableError, match="idle for 300 s"):
        run(serve(server.register), items(5), reconnect_timeout=0.5)
    assert server.refusals


def wait_for_the_end(server: FakeServer) -> None:
    """Wait until no stream rests."""
    while server.is_resting:
        time.sleep(0.01)


@pytest.mark.parametrize("count", [1, 2])
def test_items_that_are_rarer_than_idle_timeouts_are_all_sent(
    serve: Serve, run: Run, count: int
) -> None:
    """Two streams end as idle before the second item fills a batch, or before the end does."""
    server = FakeServer(Plan("idle"), Plan("idle"))

    def rare() -> Iterator[Item]:
        for item in items(count):
            wait_for_the_end(server)
            yield item
        wait_for_the_end(server)

    address = serve(server.register)
    summary = run(address, rare(), reconnect_timeout=IDLE_S * 0.9, is_source_slow=True)
    assert server.stored == ids(count)
    assert (summary.written, summary.sent) == (count, count)


def test_a_slow_source_is_no_outage(serve: Serve, run: Run) -> None:
    """A second stream breaks before its batches are acknowledged, while the next item is late."""
    server = FakeServer(Plan("break", after=1), Plan("late break", after=1, credit=9))
    is_broken = threading.Event()

    def slow() -> Iterator[Item]:
        *at_once, last = items(10)
        yield from itertools.takewhile(lambda _: not is_broken.is_set(), at_once)
        while len(server.starts) < 2:
            time.sleep(0.01)
        wait_for_the_end(server)
        yield last

    run(
        serve(server.register),
        slow(),
        batch_size=1,
        reconnect_timeout=IDLE_S * 0.9,
        on_break=lambda _: is_broken.set(),
        is_source_slow=True,
    )
    assert server.stored[-1] == "item-9"
    assert server.violations == []


def test_a_server_that_never_sends_the_summary_is_given_up(serve: Serve, run: Run) -> None:
    """However well each stream opens."""
    server = FakeServer(*[Plan("break", after=0)] * 1_000)
    with pytest.raises(UnavailableError):
        run(serve(server.register), [], reconnect_timeout=0.3)
    assert server.plans
