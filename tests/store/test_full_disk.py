"""An embedded store whose disk is full, or that died in the middle of a file."""

import contextlib
import errno
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pymilvus.exceptions import MilvusException
from tihua_server.collection import CollectionSpec
from tihua_server.errors import StoreFull
from tihua_server.item import Item
from tihua_server.milvus import directory
from tihua_server.milvus.errors import is_disk_failure
from tihua_server.milvus.schema import released
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Fields, Filter, SearchParams
from tihua_server.telemetry.metrics import Metrics
from tihua_server.types import FloatArray

Spec = Callable[..., CollectionSpec]

EVERYTHING = Filter()


@contextlib.contextmanager
def no_file_beyond(size_bytes: int) -> Iterator[None]:
    """Make the system refuse to enlarge files: EFBIG, much like a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def items(embeddings: FloatArray, first: int, last: int) -> list[Item]:
    """Return items that are not small: some 4 kB each."""
    return [
        Item(f"i{number:05}", embeddings[number % len(embeddings)], "u" * 4_000)
        for number in range(first, last)
    ]


def only(folder: Path, pattern: str) -> Path:
    """Return the only file that matches a pattern."""
    [path] = folder.glob(pattern)
    return path


async def ids(store: Milvus, name: str) -> list[str]:
    """Return every id that is listed."""
    bare = Fields(uri=False, metadata=False, embedding=False)
    found = await store.scan(name, where=EVERYTHING, limit=10_000, fields=bare)
    return [item.id for item in found]


@pytest.fixture
async def crowded(lite: Milvus, spec: Spec) -> str:
    """Return the name of a collection in Milvus Lite, empty, with an exact index."""
    created = spec()
    await lite.create(created)
    return created.name


async def test_rows_that_could_not_be_flushed_are_there(
    lite: Milvus, crowded: str, embeddings: FloatArray, tmp_path: Path
) -> None:
    """They are found at once, after the next flush that works, and after a restart."""
    await lite.upsert(crowded, items(embeddings, 0, 200))
    with no_file_beyond(100_000), pytest.raises(StoreFull, match="takes no more"):
        await lite._loading.flush(crowded)
    assert len(await ids(lite, crowded)) == 200

    await lite.upsert(crowded, items(embeddings, 200, 300))
    await lite._loading.flush(crowded)
    expected = [item.id for item in items(embeddings, 0, 300)]
    assert await ids(lite, crowded) == expected

    await lite.close()
    again = await Milvus.open(tmp_path / "milvus")
    assert await ids(again, crowded) == expected
    await again.close()


async def test_what_is_written_after_half_a_batch_survives_a_kill(
    lite: Milvus, crowded: str, embeddings: FloatArray, tmp_path: Path
) -> None:
    """The batch that the disk did not take is refused; what comes later has a log of its own."""
    await lite.upsert(crowded, items(embeddings, 0, 10))
    log = only(tmp_path, "milvus/collections/*/wal/*data*")
    with no_file_beyond(log.stat().st_size + 10_000), pytest.raises(StoreFull):
        await lite.upsert(crowded, items(embeddings, 10, 100))
    await lite.upsert(crowded, items(embeddings, 100, 110))
    kept = tmp_path / "killed"
    shutil.copytree(tmp_path / "milvus", kept)

    again = await Milvus.open(kept)

    expected = [item.id for item in [*items(embeddings, 0, 10), *items(embeddings, 100, 110)]]
    assert await ids(again, crowded) == expected
    await again.close()


async def test_a_full_disk_refuses_writes_and_answers_searches(
    lite: Milvus,
    crowded: str,
    spec: Spec,
    embeddings: FloatArray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error says how much room there is, and how much it takes; with room it goes on."""
    await lite.upsert(crowded, items(embeddings, 0, 10))
    monkeypatch.setattr(directory, "MIN_FREE_BYTES", 2**60)

    for write in (
        lite.upsert(crowded, items(embeddings, 10, 20)),
        lite.create(spec()),
        lite.ping(),
    ):
        with pytest.raises(StoreFull, match=r"has \d+ MiB left .* make room") as caught:
            await write
        assert int(caught.value.metadata["free_bytes"]) > 0
    [hits] = await lite.search(crowded, embeddings[:1], SearchParams(limit=3))
    assert len(hits) == 3

    monkeypatch.undo()
    await lite.ping()
    await lite.upsert(crowded, items(embeddings, 10, 20))
    assert await lite.count(crowded, EVERYTHING) == 20


async def test_a_full_disk_is_counted_though_nobody_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert on it needs no more than that health asks."""
    metrics = Metrics()
    store = await Milvus.open(tmp_path / "milvus", observer=metrics)
    with monkeypatch.context() as full, pytest.raises(StoreFull):
        full.setattr(directory, "MIN_FREE_BYTES", 2**60)
        await store.ping()
    await store.close()

    labels = {"call": "require_room", "reason": "STORE_FULL"}
    assert metrics.registry.get_sample_value("tihua_store_errors_total", labels) == 1


@pytest.mark.parametrize("when", ["at the start", "while it runs"])
async def test_half_an_index_is_built_again(
    lite: Milvus, crowded: str, embeddings: FloatArray, tmp_path: Path, when: str
) -> None:
    """A kill in the middle of writing it does not take the collection away."""
    await lite.upsert(crowded, items(embeddings, 0, 100))
    await lite._loading.flush(crowded)
    await lite.release(crowded)
    await lite.load(crowded)
    index = only(tmp_path, "milvus/collections/*/partitions/*/indexes/*.idx")
    await lite.release(crowded)
    os.truncate(index, index.stat().st_size // 2)
    store = lite
    if when == "at the start":
        loaded = released(is_released=False)
        lite.connection.client.alter_collection_properties(crowded, loaded, timeout=9)
        await lite.close()
        store = await Milvus.open(tmp_path / "milvus")
    else:
        await store.load(crowded)

    [hits] = await store.search(crowded, embeddings[7:8], SearchParams(limit=1))

    assert hits[0].item.id == "i00007"
    await store.close()


async def test_a_collection_that_was_being_made_does_not_keep_its_name(
    lite: Milvus, spec: Spec, tmp_path: Path
) -> None:
    """A kill between creating its directory and its schema leaves nothing in the way."""
    created = spec()
    await lite.close()
    (tmp_path / "milvus" / "collections" / created.name).mkdir(parents=True)

    store = await Milvus.open(tmp_path / "milvus")

    assert await store.names() == []
    await store.create(created)
    assert await store.names() == [created.name]
    await store.close()


def test_words_of_a_full_disk_are_known(tmp_path: Path) -> None:
    """Errors of the system and numpy's own are recognised."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS):
        assert is_disk_failure(MilvusException(message=str(OSError(number, os.strerror(number)))))
    with no_file_beyond(1_000), pytest.raises(OSError, match="written") as caught:
        np.save(tmp_path / "a.npy", np.zeros(10_000))
    assert is_disk_failure(MilvusException(message=str(caught.value)))
    assert not is_disk_failure(MilvusException(message="collection not found"))
