"""Ingest over a real channel to a server that breaks, drains, forgets and is slow.

Every behaviour that both clients share is tested with both.
"""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import pytest
from fake_ingest_server import End, FakeServer, Plan, Refusing, refusal
from grpc import aio
from tihua import (
    AsyncClient,
    Client,
    FailedPreconditionError,
    IngestProgress,
    IngestSummary,
    Item,
    NotFoundError,
    UnavailableError,
)
from tihua._ingest_types import WriteMode

Serve: TypeAlias = Callable[[Callable[[aio.Server], None]], str]


@dataclass
class Run:
    """One ingest by one of the clients, and what it told on the way."""

    is_async: bool
    progress: list[IngestProgress] = field(default_factory=list)

    def __call__(
        self,
        address: str,
        items: Iterable[Item],
        *,
        collection: str = "c",
        mode: WriteMode = "upsert",
        batch_size: int = 2,
        session_id: str | None = None,
        reconnect_timeout: float = 20.0,
    ) -> IngestSummary:
        """Ingest the items."""
        options: dict[str, Any] = {
            "mode": mode,
            "batch_size": batch_size,
            "session_id": session_id,
            "on_progress": self.progress.append,
            "reconnect_timeout": reconnect_timeout,
        }
        if self.is_async:
            return asyncio.run(self._run_async(address, items, collection, options))
        with Client(address, collection=collection) as client:
            return client.ingest(items, **options)

    async def _run_async(
        self, address: str, items: Iterable[Item], collection: str, options: dict[str, Any]
    ) -> IngestSummary:
        async with AsyncClient(address, collection=collection) as client:
            return await client.ingest(items, **options)

    @property
    def errors(self) -> list[tuple[int, str, str]]:
        """Return position, id and reason of all failures that were told."""
        return [
            (error.index, error.id, error.reason)
            for progress in self.progress
            for error in progress.errors
        ]


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Each of the two clients; no thread of theirs may be left behind."""
    before = set(threading.enumerate())
    yield Run(is_async=request.param == "asyncio")
    for thread in set(threading.enumerate()) - before:
        if "poll_wrapper" not in thread.name:  # grpc.aio keeps one for the whole process
            thread.join(5)
            assert not thread.is_alive(), thread.name


def items(count: int) -> list[Item]:
    """Return small items."""
    return [Item(f"item-{number}", text="一") for number in range(count)]


def ids(count: int) -> list[str]:
    """Return their ids."""
    return [f"item-{number}" for number in range(count)]


def test_all_items_are_stored_in_order_and_never_beyond_credit(serve: Serve, run: Run) -> None:
    """Seven items in batches of two, with leave for one batch at a time."""
    server = FakeServer(Plan(credit=1))
    summary = run(serve(server.register), items(7))
    assert server.stored == ids(7)
    assert server.violations == []
    assert (summary.written, summary.failed, summary.skipped, summary.sent) == (7, 0, 0, 7)
    assert summary.seconds > 0


def test_no_items_are_an_empty_summary(serve: Serve, run: Run) -> None:
    """The collection is checked all the same."""
    server = FakeServer()
    assert run(serve(server.register), []).sent == 0
    assert len(server.starts) == 1


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


def test_what_is_stored_is_neither_read_nor_sent(serve: Serve, run: Run, tmp_path: Path) -> None:
    """In mode skip-existing the server is asked by id first; here the stored one's file is gone."""
    server = FakeServer()
    server.stored = ["item-1"]
    gone = Item("item-1", image=tmp_path / "gone.jpg")
    given = [Item("item-0", text="一"), gone, Item("item-2", text="一")]
    summary = run(serve(server.register), given, mode="skip-existing")
    assert server.stored == ["item-1", "item-0", "item-2"]
    assert (summary.written, summary.failed, summary.skipped, summary.sent) == (2, 0, 1, 3)
    assert run.errors == []


def test_a_question_that_is_refused_ends_the_call(serve: Serve, run: Run) -> None:
    """With the server's own error."""
    server = FakeServer()
    with pytest.raises(NotFoundError):
        run(serve(server.register), items(3), mode="skip-existing", collection="half-missing")


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

    async def start(servicer: FakeServer, port: int) -> tuple[aio.Server, int]:
        server = aio.server()
        servicer.register(server)
        port = server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        return server, port

    first, second = asyncio.run(exchange())
    assert sorted({*first.stored, *second.stored}) == sorted(ids(20))
    assert second.violations == []


def test_a_server_that_stays_away_is_given_up(serve: Serve, run: Run) -> None:
    """When nothing gets through for reconnect_timeout."""
    server = FakeServer(*[Plan("break", after=1)] * 100)
    with pytest.raises(UnavailableError):
        run(serve(server.register), items(4), reconnect_timeout=0.3)
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


def test_a_failed_item_is_told_by_its_position_and_the_others_are_stored(
    serve: Serve, run: Run, tmp_path: Path
) -> None:
    """Whether the server refuses it, its file is gone, or it is too large for a message."""
    server = FakeServer()
    given = [
        Item("item-0", text="一"),
        Item("gone", image=tmp_path / "gone.jpg"),
        Item("bad", text="一"),
        Item("large", image=b"x" * 100_001),
        Item("none"),
        Item("item-1", text="一"),
    ]
    summary = run(serve(server.register), given)
    assert server.stored == ids(2)
    assert sorted(run.errors) == [
        (1, "gone", "UNREADABLE_FILE"),
        (2, "bad", "BAD"),
        (3, "large", "TOO_LARGE"),
        (4, "none", "INVALID_INPUT"),
    ]
    assert (summary.written, summary.failed, summary.sent) == (2, 4, 6)


def test_the_last_progress_is_the_summary(serve: Serve, run: Run) -> None:
    """A progress bar that follows it ends at its end."""
    server = FakeServer()
    summary = run(serve(server.register), [*items(5), Item("bad", text="一")])
    last = run.progress[-1]
    assert (last.written, last.failed, last.skipped) == (5, 1, 0)
    assert (summary.written, summary.failed) == (5, 1)
    assert last.committed_seq == 3


def test_items_are_read_only_as_far_as_the_server_has_leave_for(serve: Serve, run: Run) -> None:
    """Memory holds what is in flight and one batch, however many items there are."""
    server = FakeServer(Plan(credit=2))
    ahead: list[int] = []

    def lazily() -> Iterator[Item]:
        for number, item in enumerate(items(40)):
            ahead.append(number - len(server.stored))
            yield item

    run(serve(server.register), lazily())
    assert len(server.stored) == 40
    assert max(ahead) < 2 * 2 + 2 + 2 * 2  # granted, one batch ahead, acknowledgements on their way


def test_items_are_not_read_for_a_collection_that_is_not_there(serve: Serve, run: Run) -> None:
    """The first error is the server's, before anything was opened or spent."""
    server = FakeServer()
    read: list[int] = []

    def watched() -> Iterator[Item]:
        for number, item in enumerate(items(3)):
            read.append(number)
            yield item

    with pytest.raises(NotFoundError):
        run(serve(server.register), watched(), collection="missing")
    assert read == []


def test_a_stream_without_a_summary_is_a_bug_of_the_server(serve: Serve, run: Run) -> None:
    """Success is never assumed."""
    server = FakeServer(Plan("no summary"))
    with pytest.raises(Exception, match="without a summary"):
        run(serve(server.register), items(3))


def test_an_exception_of_the_iterable_ends_the_stream_and_is_raised(serve: Serve, run: Run) -> None:
    """It is the caller's, even where it looks like a broken connection."""
    server = FakeServer()

    def failing() -> Iterator[Item]:
        yield from items(5)
        raise UnavailableError("another server of the caller's")

    with pytest.raises(UnavailableError, match="another server of the caller's"):
        run(serve(server.register), failing())
    assert server.was_cancelled.wait(5)
    assert len(server.starts) == 1


def test_an_exception_of_on_progress_ends_the_stream_and_is_raised(serve: Serve, run: Run) -> None:
    """Nothing of the caller's is swallowed."""
    server = FakeServer(Plan(credit=1))

    class FullTerminal(list[IngestProgress]):
        def append(self, progress: IngestProgress) -> None:
            raise BrokenPipeError

    run.progress = FullTerminal()
    with pytest.raises(BrokenPipeError):
        run(serve(server.register), items(50))
    assert server.was_cancelled.wait(5)


def test_the_callers_own_are_called_on_the_callers_thread(serve: Serve, run: Run) -> None:
    """A database cursor or a progress bar need not be safe to share."""
    server = FakeServer()
    threads: set[str] = set()

    def watched() -> Iterator[Item]:
        for item in items(9):
            threads.add(threading.current_thread().name)
            yield item

    class Watched(list[IngestProgress]):
        def append(self, progress: IngestProgress) -> None:
            threads.add(threading.current_thread().name)

    run.progress = Watched()
    run(serve(server.register), watched())
    assert threads == {threading.current_thread().name}


# Where the tests run in the background, their processes begin with SIGINT ignored.
_INTERRUPTED = """
import signal
import sys
import threading
from tihua import Client, Item

signal.signal(signal.SIGINT, signal.default_int_handler)
with Client(sys.argv[1]) as client:
    try:
        client.ingest([Item(f"item-{number}", text="一") for number in range(20)], batch_size=2)
    except KeyboardInterrupt:
        print("interrupted", *[thread.name for thread in threading.enumerate()])
"""


def test_ctrl_c_while_waiting_for_the_server_ends_the_call_at_once(serve: Serve) -> None:
    """A KeyboardInterrupt cancels the stream and is raised; no thread stays behind."""
    server = FakeServer(Plan("hang", after=1, credit=1))
    with subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED, serve(server.register)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert server.hangs.wait(30)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert output.startswith("interrupted")
    assert "tihua-ingest" not in output
    assert server.was_cancelled.wait(5)


async def test_a_cancelled_task_cancels_its_stream(serve: Serve) -> None:
    """The CancelledError is raised, and the server knows."""
    server = FakeServer(Plan("hang", after=1, credit=1))
    async with AsyncClient(serve(server.register)) as client:
        task = asyncio.create_task(client.ingest(items(20), batch_size=2))
        await asyncio.to_thread(server.hangs.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await asyncio.to_thread(server.was_cancelled.wait, 5)


async def test_the_asyncio_client_takes_an_asynchronous_iterable(serve: Serve) -> None:
    """And closes it when it is done."""
    server = FakeServer()
    is_closed = False

    async def source() -> AsyncIterator[Item]:
        nonlocal is_closed
        try:
            for item in items(5):
                yield item
        finally:
            is_closed = True

    async with AsyncClient(serve(server.register)) as client:
        await client.ingest(source(), batch_size=2)
    assert server.stored == ids(5)
    assert is_closed


async def test_closing_the_asyncio_client_ends_its_ingest(serve: Serve) -> None:
    """Another task may close it; nobody waits for ever."""
    server = FakeServer(Plan("hang", after=1, credit=1))
    client = AsyncClient(serve(server.register))
    task = asyncio.create_task(client.ingest(items(20), batch_size=2))
    await asyncio.to_thread(server.hangs.wait)
    await client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        await task


def test_closing_the_blocking_client_ends_its_ingest(serve: Serve) -> None:
    """Another thread may close it; nobody waits for ever."""
    server = FakeServer(Plan("hang", after=1, credit=1))
    client = Client(serve(server.register))
    server.on_hang = lambda: threading.Thread(target=client.close).start()
    with pytest.raises(RuntimeError, match="this client is closed"):
        client.ingest(items(20), batch_size=2)


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
