"""Items: written, read, listed, counted, removed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from tihua_server.collection import CollectionSpec
from tihua_server.errors import NotFound
from tihua_server.item import Item
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Fields, Filter
from tihua_server.types import FloatArray
from tihua_server.vector_store import VectorStore

ALL = Fields(embedding=True)
BARE = Fields(uri=False, metadata=False)
EVERYTHING = Filter()


def ids(items: list[Item]) -> list[str]:
    """Return the ids of items, in order."""
    return [item.id for item in items]


async def test_an_item_comes_back_as_it_was_written(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Every JSON value and awkward key survives, and the embedding is the same to the bit."""
    metadata = {
        "year": 1279,
        "score": 0.5,
        "is_poem": True,
        "nothing": None,
        "作者": "马致远",
        "shot on": 'a "quote", a \\ and a\nnewline 🐎',
        "distance": 1,
        "entity": "x",
        "lines": ["枯藤", {"老树": [1, [2]]}],
    }
    item = Item("天净沙/秋思.jpg", embeddings[0], "file:///诗.jpg?q=\"'", metadata)

    await store.upsert(name, [item])

    [found] = await store.get(name, [item.id], ALL)
    assert found.embedding is not None
    assert found.embedding.dtype == np.float32
    assert np.array_equal(found.embedding, embeddings[0])
    assert (found.id, found.uri, found.metadata) == (item.id, item.uri, metadata)


async def test_only_the_fields_asked_for_come_back(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Beside its id, an item carries what was asked for and nothing else."""
    await store.upsert(name, [Item("a", embeddings[0], "u", {"k": 1})])

    assert await store.get(name, ["a"], BARE) == [Item("a", None)]
    assert await store.get(name, ["a"], Fields(metadata=False)) == [Item("a", None, "u")]
    assert await store.get(name, ["a"], Fields(uri=False)) == [Item("a", None, "", {"k": 1})]


async def test_who_wrote_an_item_is_known_to_those_who_ask_and_is_no_metadata(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Other items may have no author, and an item that is replaced loses its own."""
    ours = Item("a", embeddings[0], "u", {"k": 1}, origin="tag.3.0")
    await store.upsert(name, [ours, Item("b", embeddings[1])])

    bare = Fields(uri=False, metadata=False, origin=True)
    assert await store.get(name, ["a", "b"], bare) == [
        Item("a", None, origin="tag.3.0"),
        Item("b", None),
    ]
    assert await store.get(name, ["a"], Fields(origin=True)) == [
        Item("a", None, "u", {"k": 1}, origin="tag.3.0")
    ]
    assert await store.get(name, ["a"], Fields()) == [Item("a", None, "u", {"k": 1})]
    await store.upsert(name, [Item("a", embeddings[0])])
    assert await store.get(name, ["a"], bare) == [Item("a", None)]


async def test_when_an_item_was_written_is_known_to_those_who_ask_and_is_no_metadata(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """The time is exact to the microsecond, and None for an item that was written without one."""
    then = datetime(2026, 11, 27, 1, 2, 3, 456_789, UTC)
    dated = Item("a", embeddings[0], "u", {"k": 1}, update_time=then)
    await store.upsert(name, [dated, Item("b", embeddings[1])])

    bare = Fields(uri=False, metadata=False, update_time=True)
    assert await store.scan(name, where=Filter(), limit=2, fields=bare) == [
        Item("a", None, update_time=then),
        Item("b", None),
    ]
    assert await store.get(name, ["a"], Fields(update_time=True)) == [
        Item("a", None, "u", {"k": 1}, update_time=then)
    ]
    assert await store.get(name, ["a"], Fields()) == [Item("a", None, "u", {"k": 1})]


async def test_items_come_in_the_order_of_their_ids(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Absent ids are left out, repeated ones repeated, and none is no error."""
    await store.upsert(name, [Item(key, embeddings[0]) for key in "abc"])

    assert ids(await store.get(name, ["c", "absent", "a", "c"], BARE)) == ["c", "a", "c"]
    assert await store.get(name, [], BARE) == []


async def test_writing_an_item_again_replaces_all_of_it(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Nothing of the old item is left, not even its metadata; there is still one."""
    await store.upsert(name, [Item("a", embeddings[0], "old", {"old": 1, "both": 1})])

    await store.upsert(name, [Item("a", embeddings[1], "", {"both": 2})])

    [found] = await store.get(name, ["a"], ALL)
    assert (found.uri, found.metadata) == ("", {"both": 2})
    assert np.array_equal(found.embedding, embeddings[1])  # type: ignore[arg-type]
    assert await store.count(name, EVERYTHING) == 1


async def test_of_items_with_one_id_the_last_is_kept(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """One call may write an id twice."""
    await store.upsert(name, [Item("a", embeddings[0], "1"), Item("a", embeddings[0], "2")])

    assert [item.uri for item in await store.get(name, ["a"], Fields())] == ["2"]
    assert await store.count(name, EVERYTHING) == 1


async def test_thousands_of_items_are_all_counted_and_listed(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """More items than one batch or page holds, some written twice: none is lost or doubled."""
    items = [
        Item(f"{i * 7919 % 2_500:04}", embeddings[i % 300], "", {"i": i}) for i in range(2_500)
    ]
    await store.upsert(name, items)
    await store.upsert(name, items[:600])

    pages, last_id = [], ""
    while page := await store.scan(
        name, where=EVERYTHING, limit=999, after_id=last_id, fields=BARE
    ):
        pages.append(page)
        last_id = page[-1].id

    assert [len(page) for page in pages] == [999, 999, 502]
    assert [item.id for page in pages for item in page] == [f"{i:04}" for i in range(2_500)]
    assert await store.count(name, EVERYTHING) == 2_500
    assert len(await store.get(name, [item.id for item in items], BARE)) == 2_500


async def test_a_list_is_sorted_by_the_bytes_of_the_ids(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Upper before lower case, ASCII before Chinese before emoji; quotes in ids do no harm."""
    keys = ["😀", "b", "A", "中", "é", "\ufffd", 'x"y', "x\\", "x'y", " "]
    await store.upsert(name, [Item(key, embeddings[0]) for key in keys])
    expected = sorted(keys, key=str.encode)

    for start in range(len(keys)):
        after = expected[start]
        found = await store.scan(name, where=EVERYTHING, limit=3, after_id=after, fields=BARE)
        assert ids(found) == expected[start + 1 : start + 4]


async def test_a_list_is_filtered(store: VectorStore, name: str, embeddings: FloatArray) -> None:
    """A filter with `or` stays in its parentheses when the page begins after an id."""
    await store.upsert(name, [Item(f"k{i}", embeddings[i], "", {"i": i}) for i in range(10)])
    where = Filter("i < {low} or i >= {high}", {"low": 3, "high": 8})

    found = await store.scan(name, where=where, limit=10, after_id="k1", fields=BARE)

    assert ids(found) == ["k2", "k8", "k9"]
    assert await store.count(name, where) == 5


async def test_removing_by_id_counts_what_was_there(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Absent and repeated ids do not count, and the count of the rest is exact at once."""
    await store.upsert(name, [Item(key, embeddings[0]) for key in "abc"])

    assert await store.delete(name, ["a", "absent", "a", "b"]) == 2
    assert await store.delete(name, ["a"]) == 0
    assert await store.count(name, EVERYTHING) == 1
    assert await store.get(name, ["a"], BARE) == []


async def test_removing_by_filter_counts_what_was_there(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Only matching items go; the empty filter removes all."""
    await store.upsert(name, [Item(f"{i}", embeddings[i], "", {"i": i}) for i in range(20)])

    assert await store.delete_where(name, Filter("i >= 15")) == 5
    assert await store.count(name, EVERYTHING) == 15
    assert await store.delete_where(name, EVERYTHING) == 15
    assert await store.count(name, EVERYTHING) == 0


async def test_an_item_that_no_longer_matches_when_it_is_removed_stays(
    local: VectorStore, spec: Callable[..., CollectionSpec], embeddings: FloatArray
) -> None:
    """What was written and acknowledged while a filter was at work is not lost."""
    created = spec()
    name = created.name
    await local.create(created)
    keys = [f"{i:04}" for i in range(300)]
    await local.upsert(name, [Item(key, embeddings[0], "", {"is_old": True}) for key in keys])

    async def renew() -> None:
        for start in range(0, 300, 10):
            new = [Item(key, embeddings[1], "", {"is_old": False}) for key in keys[start:][:10]]
            await local.upsert(name, new)

    await asyncio.gather(local.delete_where(name, Filter("is_old == true")), renew())

    assert await local.count(name, EVERYTHING) == 300


async def test_of_two_who_remove_an_item_one_counts_it(
    local: VectorStore, spec: Callable[..., CollectionSpec], embeddings: FloatArray
) -> None:
    """Of many who ask at once, exactly one is told that it removed the item."""
    created = spec()
    await local.create(created)
    keys = [f"{i}" for i in range(100)]
    await local.upsert(created.name, [Item(key, embeddings[0]) for key in keys])

    counts = await asyncio.gather(
        *(local.delete(created.name, keys) for _ in range(4)),
        *(local.delete_where(created.name, EVERYTHING) for _ in range(4)),
    )

    assert sum(counts) == 100


async def test_a_removed_item_can_be_written_again(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Removing it has left no trace."""
    item = Item("a", embeddings[0], "u")
    await store.upsert(name, [item])
    await store.delete(name, ["a"])

    await store.upsert(name, [item])

    assert await store.get(name, ["a"], Fields()) == [replace(item, embedding=None)]


async def test_items_are_there_while_they_are_flushed(
    lite: Milvus, spec: Callable[..., CollectionSpec], embeddings: FloatArray
) -> None:
    """Calls at the same time never see a collection between memory and disk."""
    created = spec()
    await lite.create(created)
    for end in range(300, 1_501, 300):
        await lite.upsert(
            created.name, [Item(f"{i}", embeddings[i % 300]) for i in range(end - 300, end)]
        )

        counts = [lite.count(created.name, EVERYTHING) for _ in range(20)]
        _, *found = await asyncio.gather(lite._loading.flush(created.name), *counts)

        assert found == [end] * 20


async def test_items_of_no_collection_are_not_found(
    store: VectorStore, embeddings: FloatArray
) -> None:
    """Each call names the collection that does not exist."""
    for call in (
        store.upsert("absent", [Item("a", embeddings[0])]),
        store.get("absent", ["a"], BARE),
        store.scan("absent", where=EVERYTHING, limit=1, fields=BARE),
        store.count("absent", EVERYTHING),
        store.delete("absent", ["a"]),
        store.delete_where("absent", EVERYTHING),
    ):
        with pytest.raises(NotFound, match="absent"):
            await call
