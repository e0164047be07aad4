"""A connection to a store: its first calls, and what the observer is told of calls."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from milvus_lite.engine.collection import Collection as LiteCollection
from tihua_server.collection import CollectionSpec
from tihua_server.errors import StoreUnavailable
from tihua_server.milvus.connection import CALLS_AT_ONCE, MilvusConnection
from tihua_server.milvus.store import Milvus
from tihua_server.observer import Observer

_OPENED = """
import asyncio
import sys
from pathlib import Path
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.observer import Observer

async def main():
    connection = await MilvusConnection.open(
        Path(sys.argv[1]), token="", timeout_s=30.0, observer=Observer()
    )
    await connection.close()

asyncio.run(main())
print("scipy.sparse" in sys.modules)
"""


def test_the_first_calls_may_come_at_once(tmp_path: Path) -> None:
    """What pymilvus would import in each of their threads without the import lock is there."""
    pytest.importorskip("scipy.sparse")
    opened = subprocess.run(
        [sys.executable, "-c", _OPENED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert opened.stdout == "True\n"


class Listener(Observer):
    """Remembers which calls were answered."""

    def __init__(self) -> None:
        """Begin with none."""
        self.calls: set[str] = set()

    def store_answered(self, call: str, start_s: float, reason: str) -> None:
        """Remember it."""
        self.calls.add(call)


async def test_calls_are_told_by_the_names_that_pymilvus_has(
    spec: Callable[..., CollectionSpec], tmp_path: Path
) -> None:
    """So are calls that consist of several, or bypass pymilvus."""
    listener = Listener()
    store = await Milvus.open(tmp_path / "milvus", observer=listener)
    created = spec()
    await store.create(created)
    await store.names()
    await store.rename(created.name, "renamed", keeps_alias=False)
    await store.drop("renamed")
    await store.close()

    assert {"create_collection", "list_collections", "drop_collection"} < listener.calls
    assert all(hasattr(store.connection.client, call) for call in listener.calls), listener.calls


async def test_a_call_that_nobody_waits_for_is_no_answer(tmp_path: Path) -> None:
    """It would count as answered by the store, and quickly."""
    listener = Listener()
    connection = await MilvusConnection.open(
        tmp_path / "milvus", token="", timeout_s=60.0, observer=listener
    )
    has_begun, is_over = threading.Event(), threading.Event()

    def hold(*, timeout: float) -> None:
        has_begun.set()
        is_over.wait(timeout)

    call = asyncio.create_task(connection.call("", hold))
    assert await asyncio.to_thread(has_begun.wait, 60)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    is_over.set()
    await connection.close()

    assert listener.calls == set()


async def test_a_write_that_its_caller_gave_up_has_no_other_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Milvus Lite continues with it, and its collections allow a single writer."""
    connection = await MilvusConnection.open(
        tmp_path / "milvus", token="", timeout_s=60.0, observer=Observer()
    )
    client = connection.client
    await connection.call("", client.create_collection, "photos", dimension=2)
    begun: list[int] = []
    has_begun, may_end = threading.Event(), threading.Event()
    insert = LiteCollection.insert

    def insert_slowly(self: Any, records: list[dict[str, Any]], **kwargs: Any) -> object:
        begun.append(records[0]["id"])
        has_begun.set()
        may_end.wait(60)
        return insert(self, records, **kwargs)

    monkeypatch.setattr(LiteCollection, "insert", insert_slowly)
    rows = [{"id": number, "vector": [1.0, 0.0]} for number in range(3)]
    for row in rows[:2]:
        with pytest.raises(StoreUnavailable, match=r"within 0\.5 s"):
            await connection.call("", client.insert, "photos", row, timeout_s=0.5)
        assert await asyncio.to_thread(has_begun.wait, 60)
    assert begun == [0]

    may_end.set()
    await connection.call("", client.insert, "photos", rows[2])
    assert begun == [0, 2]
    await connection.close()


class _Client:
    """A Milvus server whose calls are those of the test."""

    def close(self) -> None:
        """Do nothing."""


async def test_long_calls_leave_the_threads_of_searches_free() -> None:
    """A search does not wait for a build, even if calls have as long a timeout as builds."""
    timeout_s = 60.0
    connection = MilvusConnection(_Client(), "v2.6.1", None, timeout_s, Observer())
    is_over = threading.Event()

    def build(*, timeout: float) -> None:
        is_over.wait(timeout)

    def search(*, timeout: float) -> str:
        return "found"

    builds = [
        asyncio.create_task(connection.call("", build, timeout_s=timeout_s))
        for _ in range(CALLS_AT_ONCE)
    ]
    try:
        assert await asyncio.wait_for(connection.call("", search), 10) == "found"
    finally:
        is_over.set()
        await asyncio.gather(*builds)
        await connection.close()
