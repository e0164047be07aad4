"""Flushing of embedded stores: neither too often nor too late."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from milvus_lite.engine.collection import Collection
from tihua_server.collection import CollectionSpec
from tihua_server.errors import StoreError
from tihua_server.item import Item
from tihua_server.milvus import flusher as flusher_module
from tihua_server.milvus.flusher import MAX_UNFLUSHED_ROWS, MIN_IDLE_ROWS, Flusher
from tihua_server.milvus.store import Milvus
from tihua_server.types import FloatArray


class Recorder:
    """Remembers what was flushed."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.names: list[str] = []
        self.happened = asyncio.Event()

    async def flush(self, name: str) -> None:
        """Remember, then fail, as a store may."""
        self.names.append(name)
        self.happened.set()
        raise StoreError("no")


def logs(directory: Path) -> list[Path]:
    """Return the files with rows that are not flushed."""
    return list(directory.glob("milvus/collections/*/wal/*data*"))


@pytest.fixture
def recorder() -> Recorder:
    """What was flushed: nothing so far."""
    return Recorder()


async def test_many_rows_are_flushed_while_they_are_written(recorder: Recorder) -> None:
    """The write that is one too many waits for the flush, and the count begins anew."""
    flusher = Flusher(recorder.flush)
    flusher.wrote("a", MAX_UNFLUSHED_ROWS - 1)
    flusher.wrote("b", MAX_UNFLUSHED_ROWS - 1)
    await flusher.flush_many("a")
    assert recorder.names == []

    flusher.wrote("a", 1)
    with pytest.raises(StoreError):
        await flusher.flush_many("a")
    flusher.wrote("a", 1)
    await flusher.flush_many("a")

    assert recorder.names == ["a"]
    await flusher.close()


async def test_rows_are_flushed_when_writing_pauses(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flush that fails then is nobody's error: the rows are safe, and found."""
    monkeypatch.setattr(flusher_module, "IDLE_S", 0.0)
    flusher = Flusher(recorder.flush)

    flusher.wrote("a", MIN_IDLE_ROWS)
    async with asyncio.timeout(10):
        await recorder.happened.wait()
    await flusher.close()

    assert recorder.names == ["a"]


async def test_few_rows_are_not_worth_a_flush(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are found without it; closing the store flushes them."""
    monkeypatch.setattr(flusher_module, "IDLE_S", 0.0)
    flusher = Flusher(recorder.flush)

    flusher.wrote("few", MIN_IDLE_ROWS - 1)
    flusher.wrote("many", MIN_IDLE_ROWS)
    async with asyncio.timeout(10):
        await recorder.happened.wait()
    await flusher.close()

    assert recorder.names == ["many"]


async def test_the_rows_of_a_write_that_was_given_up_are_flushed(
    tmp_path: Path,
    spec: Callable[..., CollectionSpec],
    embeddings: FloatArray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread completes the write, and no other may follow that counts them."""
    insert, flush = Collection.insert, Collection.flush
    has_begun, may_go_on, has_flushed = threading.Event(), threading.Event(), threading.Event()

    def held(self: Collection, *arguments: Any, **options: Any) -> Any:
        has_begun.set()
        assert may_go_on.wait(60)
        return insert(self, *arguments, **options)

    def noted(self: Collection) -> None:
        flush(self)
        has_flushed.set()

    store = await Milvus.open(tmp_path / "milvus")
    created = spec()
    await store.create(created)
    monkeypatch.setattr(Collection, "insert", held)
    monkeypatch.setattr(Collection, "flush", noted)
    monkeypatch.setattr(flusher_module, "IDLE_S", 0.0)
    rows = [Item(str(number), embeddings[0]) for number in range(MIN_IDLE_ROWS)]
    writing = asyncio.create_task(store.upsert(created.name, rows))
    assert await asyncio.to_thread(has_begun.wait, 60)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    may_go_on.set()
    assert await asyncio.to_thread(has_flushed.wait, 60)
    await store.close()


async def test_a_store_that_is_closed_during_a_flush_is_flushed(
    tmp_path: Path,
    spec: Callable[..., CollectionSpec],
    embeddings: FloatArray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This holds for the collection whose flush has begun and for one whose time had not come."""
    flush, has_begun, may_go_on = Collection.flush, threading.Event(), threading.Event()

    def held(self: Collection) -> None:
        has_begun.set()
        assert may_go_on.wait(60)
        flush(self)

    store = await Milvus.open(tmp_path / "milvus")
    first, second = spec(), spec()
    await store.create(first)
    await store.create(second)
    rows = [Item(str(number), embeddings[0]) for number in range(MIN_IDLE_ROWS)]
    monkeypatch.setattr(Collection, "flush", held)
    monkeypatch.setattr(flusher_module, "IDLE_S", 600.0)
    await store.upsert(second.name, rows)
    monkeypatch.setattr(flusher_module, "IDLE_S", 0.0)
    await store.upsert(first.name, rows)
    assert len(logs(tmp_path)) == 2
    assert await asyncio.to_thread(has_begun.wait, 60)

    closing = asyncio.create_task(store.close())
    may_go_on.set()
    await closing

    assert not logs(tmp_path)
