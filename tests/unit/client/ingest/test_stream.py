"""Ingest over a real channel: what is read, sent, stored and told."""

import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fake_ingest_server import FakeServer, Plan
from ingest_run import Run, ids, items
from server_thread import Serve
from tihua import AsyncClient, IngestProgress, Item, NotFoundError


def nested(depth: int) -> dict[str, object]:
    """Return metadata of so many mappings within each other."""
    metadata: dict[str, object] = {}
    for _ in range(depth):
        metadata = {"k": metadata}
    return metadata


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


def test_what_is_stored_is_neither_read_nor_sent(serve: Serve, run: Run, tmp_path: Path) -> None:
    """In mode skip-existing the server is asked by id first; here the stored one's file is gone."""
    server = FakeServer()
    server.stored = ["item-1"]
    gone = Item("item-1", image=tmp_path / "gone.jpg")
    given = [Item("item-0", text="一"), Item("item-2", text="一"), gone]
    summary = run(serve(server.register), given, mode="skip-existing")
    assert server.stored == ["item-1", "item-0", "item-2"]
    assert (summary.written, summary.failed, summary.skipped, summary.sent) == (2, 0, 1, 3)
    assert run.errors == []


def test_a_question_that_is_refused_ends_the_call(serve: Serve, run: Run) -> None:
    """With the server's own error."""
    server = FakeServer()
    with pytest.raises(NotFoundError):
        run(serve(server.register), items(3), mode="skip-existing", collection="half-missing")


def test_a_file_larger_than_a_picture_may_be_is_not_read(
    serve: Serve, run: Run, tmp_path: Path
) -> None:
    """A misnamed video costs no memory, and the items after it are stored."""
    video = tmp_path / "video.tif"
    with video.open("wb") as file:
        file.truncate(300 * 2**20)
    server = FakeServer()
    given = [Item("item-0", text="一"), Item("video", image=video), Item("item-1", text="一")]
    tracemalloc.start()
    try:
        summary = run(serve(server.register), given)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (summary.written, summary.failed) == (2, 1)
    assert run.errors == [(1, "video", "IMAGE_TOO_LARGE")]
    assert peak_bytes < 100 * 2**20


def test_bytes_larger_than_a_picture_may_be_are_not_sent(serve: Serve, run: Run) -> None:
    """The item fails with the server's reason, and those after it are stored."""
    server = FakeServer()
    given = [Item("video", image=bytes(90_001)), Item("item-1", text="一")]
    summary = run(serve(server.register), given)
    assert (summary.written, summary.failed) == (1, 1)
    assert run.errors == [(0, "video", "IMAGE_TOO_LARGE")]
    assert server.stored == ["item-1"]


def test_a_failed_item_is_told_by_its_position_and_the_others_are_stored(
    serve: Serve, run: Run, tmp_path: Path
) -> None:
    """Whether the server refuses it, its file is gone, or it can't travel in a message."""
    server = FakeServer()
    given = [
        Item("item-0", text="一"),
        Item("gone", image=tmp_path / "gone.jpg"),
        Item("bad", text="一"),
        Item("large", text="x" * 100_001),
        Item("none"),
        Item("deep", text="一", metadata=nested(40)),
        Item("item-1", text="一"),
    ]
    summary = run(serve(server.register), given)
    assert server.stored == ids(2)
    assert sorted(run.errors) == [
        (1, "gone", "UNREADABLE_FILE"),
        (2, "bad", "BAD"),
        (3, "large", "TOO_LARGE"),
        (4, "none", "INVALID_INPUT"),
        (5, "deep", "INVALID_INPUT"),
    ]
    assert (summary.written, summary.failed, summary.sent) == (2, 5, 7)


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
