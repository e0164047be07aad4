"""Collections that are renamed while others read them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tihua_server.collection import LoadState
from tihua_server.errors import CollectionInUse, NotFound
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Consistency, Fields, SearchParams
from tihua_server.types import FloatArray
from tihua_server.vector_store import VectorStore

MakePair = Callable[[VectorStore], Awaitable[tuple[str, str]]]
STRONG = SearchParams(1, consistency=Consistency.STRONG)


async def test_a_renamed_collection_keeps_all_it_has(
    store: VectorStore, pair: tuple[str, str], alias: str, embeddings: FloatArray
) -> None:
    """It has its items, index, model and aliases, is loaded, and the old name is free."""
    old, _ = pair
    before = await store.describe(old)
    renamed = old + "_1"

    await store.rename(old, renamed, keeps_alias=False)

    after = await store.describe(renamed)
    assert after == replace(before, spec=replace(before.spec, name=renamed))
    assert after.load_state is LoadState.LOADED
    [[hit]] = await store.search(renamed, embeddings[:1], STRONG)
    assert hit.item.id == "old"
    with pytest.raises(NotFound):
        await store.describe(old)


async def test_the_old_name_of_a_renamed_collection_may_stay_as_its_alias(
    milvus: Milvus, make_pair: MakePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller who keeps reading by it is always answered, even if the alias takes a while."""
    monkeypatch.setattr("tihua_server.milvus.catalog.RENAME_S", 2.0)  # a busy machine needs more
    old, _ = await make_pair(milvus)
    create_alias = milvus.connection.client.create_alias

    def create_late(*args: object, **kwargs: object) -> None:
        time.sleep(0.05)
        create_alias(*args, **kwargs)

    monkeypatch.setattr(milvus.connection.client, "create_alias", create_late)
    has_moved = asyncio.Event()
    answers: list[str] = []

    async def read() -> None:
        while not has_moved.is_set():
            name = (await milvus.spec(old)).name
            try:
                [item] = await milvus.get(name, ["old"], Fields())
            except NotFound:
                name = (await milvus.spec(old, is_fresh=True)).name
                [item] = await milvus.get(name, ["old"], Fields())
            answers.append(item.id)

    reading = [asyncio.create_task(read()) for _ in range(3)]

    async def answered(count: int) -> None:
        while len(answers) < count and not any(task.done() for task in reading):
            await asyncio.sleep(0.01)

    await answered(5)
    await milvus.rename(old, old + "_1", keeps_alias=True)
    await answered(len(answers) + 5)
    has_moved.set()
    await asyncio.gather(*reading)
    assert set(answers) == {"old"}
    assert (await milvus.spec(old)).name == old + "_1"
    assert (await milvus.describe(old + "_1")).aliases == (old,)
    with pytest.raises(CollectionInUse, match="alias"):
        await milvus.rename(old, old + "_2", keeps_alias=False)
