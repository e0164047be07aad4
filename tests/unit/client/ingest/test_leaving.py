"""An ingest that its caller ends: an exception, Ctrl-C, a cancelled task, a closed client."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from fake_ingest_server import FakeServer, Plan
from ingest_run import Run, items
from server_thread import Serve
from tihua import AsyncClient, Client, IngestProgress, Item, TihuaError, UnavailableError


def test_an_exception_of_the_iterable_ends_the_stream_and_is_raised(serve: Serve, run: Run) -> None:
    """It is the caller's, even where it looks like a broken connection."""
    server = FakeServer()

    def failing() -> Iterator[Item]:
        yield from items(5)
        raise UnavailableError("another server of the caller's")

    with pytest.raises(UnavailableError, match="another server of the caller's"):
        run(serve(server.register), failing())
    assert server.was_cancelled.wait(60)
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
    assert server.was_cancelled.wait(60)


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
    assert server.was_cancelled.wait(60)


async def test_a_cancelled_task_cancels_its_stream(serve: Serve) -> None:
    """The CancelledError is raised, and the server knows."""
    server = FakeServer(Plan("hang", after=1, credit=1))
    async with AsyncClient(serve(server.register)) as client:
        task = asyncio.create_task(client.ingest(items(20), batch_size=2))
        await asyncio.to_thread(server.hangs.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await asyncio.to_thread(server.was_cancelled.wait, 60)


async def test_closing_the_asyncio_client_ends_its_ingest(serve: Serve) -> None:
    """Another task may close it; nobody waits for ever."""
    server = FakeServer(Plan("hang", after=1, credit=1))
    client = AsyncClient(serve(server.register))
    breaks: list[TihuaError] = []
    ingest = client.ingest(items(20), batch_size=2, on_break=breaks.append)
    task = asyncio.create_task(ingest)
    await asyncio.to_thread(server.hangs.wait)
    await client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        await task
    assert breaks == []  # nothing will be tried again


async def test_closing_the_asyncio_client_ends_its_ingest_while_it_sends(serve: Serve) -> None:
    """More than the network takes: no CancelledError is raised in a task that nobody cancelled."""
    server = FakeServer(Plan("hang", after=1, credit=1_000))
    client = AsyncClient(serve(server.register))
    taken: list[int] = []

    def pictures() -> Iterator[Item]:
        for number in range(1_000):
            taken.append(number)
            yield Item(f"item-{number}", image=b"x" * 40_000)

    task = asyncio.create_task(client.ingest(pictures(), batch_size=1))
    await asyncio.to_thread(server.hangs.wait)
    count = 0
    while count < len(taken):  # what gRPC takes before it makes the client wait
        count = len(taken)
        await asyncio.sleep(0.1)
    await client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        await task


def test_closing_the_blocking_client_ends_its_ingest(serve: Serve) -> None:
    """Another thread may close it; nobody waits for ever."""
    server = FakeServer(Plan("hang", after=1, credit=1))
    client = Client(serve(server.register))
    breaks: list[TihuaError] = []
    server.on_hang = lambda: threading.Thread(target=client.close).start()
    with pytest.raises(RuntimeError, match="this client is closed"):
        client.ingest(items(20), batch_size=2, on_break=breaks.append)
    assert breaks == []  # nothing will be tried again
