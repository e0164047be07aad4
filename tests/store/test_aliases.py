"""Aliases: names that lead to a collection, and can be moved to another atomically."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tihua_server.collection import CollectionSpec, IndexType, LoadState
from tihua_server.errors import AlreadyExists, CollectionInUse, NotFound
from tihua_server.item import Item
from tihua_server.milvus.catalog import SPEC_TTL_S
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Consistency, Fields, Filter, SearchParams
from tihua_server.types import FloatArray
from tihua_server.vector_store import VectorStore

Spec = Callable[..., CollectionSpec]
MakePair = Callable[[VectorStore], Awaitable[tuple[str, str]]]
STRONG = SearchParams(1, consistency=Consistency.STRONG)


async def ids(store: VectorStore, name: str) -> list[str]:
    """Return the ids of the items that a name leads to."""
    found = await store.scan(name, where=Filter(), limit=10, fields=Fields())
    return [item.id for item in found]


async def test_an_alias_stands_for_its_collection_everywhere(
    store: VectorStore, pair: tuple[str, str], alias: str, embeddings: FloatArray
) -> None:
    """Reading, writing, searching, counting, deleting, loading and describing."""
    old, _ = pair
    assert (await store.spec(alias)).name == old
    assert (await store.describe(alias)).spec == (await store.describe(old)).spec

    await store.upsert(alias, [Item("more", embeddings[2])])
    assert await ids(store, old) == await ids(store, alias) == ["more", "old"]
    assert [item.id for item in await store.get(alias, ["more"], Fields())] == ["more"]
    [[hit]] = await store.search(alias, embeddings[2:3], STRONG)
    assert hit.item.id == "more"
    assert await store.delete(alias, ["more"]) == 1
    assert await store.delete_where(alias, Filter("id == 'none'")) == 0
    assert await store.count(alias, Filter()) == 1

    await store.release(alias)
    assert (await store.describe(old)).load_state is LoadState.RELEASED
    await store.load(alias)
    assert (await store.describe(old)).load_state is LoadState.LOADED


async def test_a_collection_tells_its_aliases_and_is_listed_once(
    store: VectorStore, pair: tuple[str, str], alias: str
) -> None:
    """The aliases are sorted, and not listed as collections."""
    old, new = pair
    first = "a" + alias
    await store.set_alias(first, old)
    assert (await store.describe(old)).aliases == (first, alias)
    assert (await store.describe(new)).aliases == ()
    assert {first, alias}.isdisjoint(await store.names())
    await store.drop_alias(first)
    assert (await store.describe(old)).aliases == (alias,)


async def test_an_alias_is_led_elsewhere_in_one_step(
    store: VectorStore, pair: tuple[str, str], alias: str
) -> None:
    """A reader always finds one collection or the other, never none."""
    old, new = pair
    has_moved = asyncio.Event()
    seen: list[str] = []

    async def look() -> None:
        while not has_moved.is_set():
            seen.append((await store.spec(alias, is_fresh=True)).name)
            await asyncio.sleep(0)
        seen.append((await store.spec(alias, is_fresh=True)).name)

    looking = [asyncio.create_task(look()) for _ in range(3)]
    while len(seen) < 10:
        await asyncio.sleep(0)
    assert await store.set_alias(alias, new) == old
    has_moved.set()
    await asyncio.gather(*looking)
    assert set(seen) == {old, new}
    assert await ids(store, alias) == ["new"]
    assert await store.set_alias(alias, new) == new


async def test_what_an_alias_led_to_is_not_believed_after_it_was_moved(
    store: VectorStore, pair: tuple[str, str], alias: str
) -> None:
    """The server that moved it tells the model of the new collection."""
    await store.spec(alias)
    await store.set_alias(alias, pair[1])
    assert (await store.spec(alias)).model.id == "new"


async def test_what_an_alias_leads_to_is_known_at_once_after_it_was_renamed(
    store: VectorStore, make_pair: MakePair, embeddings: FloatArray
) -> None:
    """The server that renamed it takes no new collection of the old name for it."""
    old, new = await make_pair(store)
    alias = old + "_alias"
    await store.set_alias(alias, old)
    await store.spec(alias)
    await store.rename(old, old + "_1", keeps_alias=False)

    await store.upsert(alias, [Item("more", embeddings[2])])
    await store.rename(new, old, keeps_alias=False)
    await store.upsert(alias, [Item("last", embeddings[2])])

    assert await ids(store, old + "_1") == ["last", "more", "old"]
    assert await ids(store, old) == ["new"]


async def test_an_alias_of_an_alias_is_one_of_the_collection(
    store: VectorStore, pair: tuple[str, str], alias: str
) -> None:
    """The second alias stays where it is when the first is moved."""
    second = alias + "_2"
    assert await store.set_alias(second, alias) == ""
    await store.set_alias(alias, pair[1])
    assert (await store.spec(second)).name == pair[0]


async def test_collections_and_aliases_share_their_names(
    store: VectorStore, pair: tuple[str, str], alias: str, spec: Spec
) -> None:
    """A name means one thing."""
    old, new = pair
    with pytest.raises(AlreadyExists, match=new):
        await store.set_alias(new, old)
    with pytest.raises(AlreadyExists, match=alias):
        await store.create(replace(spec(), name=alias))
    with pytest.raises(AlreadyExists, match=alias):
        await store.rename(new, alias, keeps_alias=False)


async def test_what_is_not_there_is_not_found(store: VectorStore, pair: tuple[str, str]) -> None:
    """An alias needs a collection to lead to, and a collection is not removed as one."""
    with pytest.raises(NotFound, match="no collection 'nowhere'"):
        await store.set_alias("somewhere", "nowhere")
    for name in ("somewhere", pair[0]):
        with pytest.raises(NotFound, match="no alias"):
            await store.drop_alias(name)
    assert await ids(store, pair[0]) == ["old"]


async def test_a_collection_with_an_alias_is_not_dropped(
    store: VectorStore, pair: tuple[str, str], alias: str
) -> None:
    """Dropping it by its name or by the alias is refused until the alias is gone."""
    old, _ = pair
    with pytest.raises(CollectionInUse, match=alias):
        await store.drop(old)
    with pytest.raises(CollectionInUse, match=f"alias of the collection '{old}'"):
        await store.drop(alias)
    assert await ids(store, alias) == ["old"]
    await store.drop_alias(alias)
    await store.drop(old)
    with pytest.raises(NotFound):
        await store.spec(alias, is_fresh=True)


async def test_a_collection_that_is_dropped_gets_no_alias(
    local: VectorStore, make_pair: MakePair
) -> None:
    """When both happen at once, one is refused: an alias that is set leads somewhere."""
    for _ in range(5):
        name, _ = await make_pair(local)
        alias = name + "_alias"
        outcomes = await asyncio.gather(
            local.set_alias(alias, name), local.drop(name), return_exceptions=True
        )
        is_there = name in await local.names()
        assert [type(outcome) for outcome in outcomes] == (
            [str, CollectionInUse] if is_there else [NotFound, type(None)]
        )


async def test_an_alias_of_others_is_only_a_taken_name(
    milvus: Milvus, make_pair: MakePair, spec: Spec
) -> None:
    """An alias that tihua did not make is neither moved nor removed."""
    ours, _ = await make_pair(milvus)
    other = spec().name
    client = milvus.connection.client
    client.create_collection(other, dimension=4, timeout=30)
    try:
        client.create_alias(other, other + "_alias", timeout=5)
        with pytest.raises(AlreadyExists):
            await milvus.set_alias(other + "_alias", ours)
        with pytest.raises(NotFound):
            await milvus.drop_alias(other + "_alias")
        assert client.describe_alias(other + "_alias", timeout=5)["collection_name"] == other
    finally:
        client.drop_alias(other + "_alias", timeout=5)
        client.drop_collection(other, timeout=5)


async def test_a_restart_keeps_aliases(tmp_path: Path, spec: Spec, embeddings: FloatArray) -> None:
    """With Milvus Lite, what they lead to can be searched at once."""
    created = spec(IndexType.HNSW)
    store = await Milvus.open(tmp_path / "milvus")
    await store.create(created)
    await store.upsert(created.name, [Item("a", embeddings[0])])
    await store.set_alias("pictures", created.name)
    await store.close()

    store = await Milvus.open(tmp_path / "milvus")

    [[hit]] = await store.search("pictures", embeddings[:1], SearchParams(1))
    assert hit.item.id == "a"
    await store.close()


@pytest.mark.milvus
async def test_another_server_searches_the_old_collection_or_the_new_one_and_nothing_between(
    server: Milvus, milvus_uri: str, make_pair: MakePair, embeddings: FloatArray
) -> None:
    """What it has cached is up to 5 s old, but model and items are of one collection."""
    old, new = await make_pair(server)
    alias = old + "_alias"
    await server.set_alias(alias, old)
    other = await Milvus.open(milvus_uri)
    believed = await other.spec(alias)
    await server.set_alias(alias, new)
    assert await other.spec(alias) == believed
    [[hit]] = await other.search(believed.name, embeddings[:1], STRONG)
    assert (believed.model.id, hit.item.id) == ("old", "old")
    fresh = await other.spec(alias, is_fresh=True)
    [[hit]] = await other.search(fresh.name, embeddings[:1], STRONG)
    assert (fresh.model.id, hit.item.id) == ("new", "new")
    assert server.settle_s > SPEC_TTL_S
    await other.close()
