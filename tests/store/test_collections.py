"""Collections: created, described, listed, loaded, released, dropped."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import faiss
import pytest
from tihua_server.collection import CollectionSpec, Index, IndexType, LoadState
from tihua_server.errors import AlreadyExists, CollectionNotReady, InvalidInput, NotFound
from tihua_server.item import Item
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Consistency, Filter, SearchParams
from tihua_server.types import FloatArray
from tihua_server.vector_store import VectorStore

Spec = Callable[..., CollectionSpec]


async def test_a_new_collection_is_described_as_it_was_asked_for(
    store: VectorStore, spec: Spec
) -> None:
    """Model, dim, index, description and time of creation come back; it is loaded and empty."""
    asked = spec(IndexType.IVF_FLAT, nlist=100)

    await store.create(asked)

    found = await store.describe(asked.name)
    shards = 1 if "Lite" in store.kind else 2
    assert found.spec == replace(asked, shards=shards)
    assert await store.spec(asked.name) == found.spec
    assert (found.item_count, found.load_state) == (0, LoadState.LOADED)
    assert abs(datetime.now(UTC) - found.create_time) < timedelta(minutes=1)


async def test_an_index_without_parameters_takes_its_defaults(
    store: VectorStore, spec: Spec
) -> None:
    """The store reports the type asked for, with the documented defaults."""
    defaults = [
        Index(IndexType.FLAT, {}),
        Index(IndexType.AUTOINDEX, {}),
        Index(IndexType.IVF_FLAT, {"nlist": 512}),
        Index(IndexType.HNSW, {"M": 16, "efConstruction": 200}),
    ]
    asked = [spec(index.type) for index in defaults]

    await asyncio.gather(*map(store.create, asked))

    assert [(await store.describe(one.name)).spec.index for one in asked] == defaults


@pytest.mark.parametrize(
    ("index", "params", "lists"),
    [(IndexType.IVF_FLAT, {"nlist": 7}, 7), (IndexType.HNSW, {"M": 12}, 1)],
)
async def test_an_index_is_built_with_its_parameters(
    lite: Milvus,
    spec: Spec,
    embeddings: FloatArray,
    tmp_path: Path,
    index: IndexType,
    params: dict[str, int],
    lists: int,
) -> None:
    """The file of Milvus Lite holds an IVF index of 7 lists, or the one list that HNSW is there."""
    asked = spec(index, **params)
    await lite.create(asked)
    await lite.upsert(asked.name, [Item(str(i), e) for i, e in enumerate(embeddings)])

    await lite.close()

    assert lists_of_the_index(tmp_path) == lists


def lists_of_the_index(directory: Path) -> int:
    """Return the number of lists in the only index below a directory."""
    [path] = directory.rglob("*.ivf_flat.*")
    file = faiss.read_index(str(path))  # which faiss frees when it is let go of
    index: Any = faiss.downcast_index(file)
    return int(index.nlist)


@pytest.mark.parametrize(
    ("index", "params", "words"),
    [
        (IndexType.IVF_FLAT, {"nlist": 0}, "1 to 65536"),
        (IndexType.IVF_FLAT, {"nlist": 65_537}, "1 to 65536"),
        (IndexType.HNSW, {"M": 1}, "2 to 2048"),
        (IndexType.HNSW, {"efConstruction": 0}, "1 to 32768"),
        (IndexType.HNSW, {"nlist": 5}, "M and efConstruction"),
        (IndexType.FLAT, {"nlist": 5}, "no parameters"),
    ],
)
async def test_a_wrong_index_parameter_creates_nothing(
    store: VectorStore, spec: Spec, index: IndexType, params: dict[str, int], words: str
) -> None:
    """The error names the bounds, or the parameters that there are."""
    asked = spec(index, **params)

    with pytest.raises(InvalidInput, match=words):
        await store.create(asked)

    assert asked.name not in await store.names()


async def test_a_taken_name_is_refused(store: VectorStore, name: str, spec: Spec) -> None:
    """Creating a collection twice leaves the first as it is."""
    first = (await store.describe(name)).spec

    with pytest.raises(AlreadyExists, match=name):
        await store.create(replace(spec(IndexType.HNSW), name=name))

    assert (await store.describe(name)).spec == first


async def test_a_collection_of_others_is_only_a_taken_name(milvus: Milvus, spec: Spec) -> None:
    """What tihua did not make is neither listed nor read nor dropped."""
    other = spec().name
    client = milvus.connection.client
    client.create_collection(other, dimension=4, timeout=30)
    try:
        assert other not in await milvus.names()
        with pytest.raises(NotFound):
            await milvus.describe(other)
        with pytest.raises(NotFound):
            await milvus.upsert(other, [])
        with pytest.raises(NotFound):
            await milvus.drop(other)
        with pytest.raises(AlreadyExists):
            await milvus.create(replace(spec(), name=other))
        assert client.has_collection(other, timeout=5)
    finally:
        client.drop_collection(other, timeout=5)


async def test_names_are_sorted(local: VectorStore, spec: Spec) -> None:
    """Names come back in order, whatever the order of creation."""
    for name in ("b", "c", "a"):
        await local.create(replace(spec(), name=name))

    assert await local.names() == ["a", "b", "c"]


async def test_a_dropped_collection_is_gone(store: VectorStore, name: str) -> None:
    """It is no longer listed, and dropping it again is an error."""
    await store.drop(name)

    assert name not in await store.names()
    for call in (store.describe(name), store.drop(name), store.spec(name)):
        with pytest.raises(NotFound, match=name):
            await call


async def test_a_collection_dropped_by_someone_else_is_not_found(
    milvus: Milvus, spec: Spec, embeddings: FloatArray
) -> None:
    """Reads and writes say so although its spec is still cached."""
    created = spec()
    await milvus.create(created)
    await milvus.spec(created.name)
    milvus.connection.client.drop_collection(created.name, timeout=5)

    for call in (
        milvus.search(created.name, embeddings[:1], SearchParams(1)),
        milvus.upsert(created.name, [Item("a", embeddings[0])]),
        milvus.count(created.name, Filter()),
    ):
        with pytest.raises(NotFound):
            await call


async def test_a_released_collection_must_be_loaded_to_be_searched(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Searching it is refused; loaded again, it has its items."""
    await store.upsert(name, [Item("a", embeddings[0])])
    await store.release(name)

    assert (await store.describe(name)).load_state is LoadState.RELEASED
    with pytest.raises(CollectionNotReady, match="load"):
        await store.search(name, embeddings[:1], SearchParams(1))
    await store.load(name)

    assert (await store.describe(name)).load_state is LoadState.LOADED
    params = SearchParams(1, consistency=Consistency.STRONG)
    [[hit]] = await store.search(name, embeddings[:1], params)
    assert hit.item.id == "a"


async def test_a_restart_keeps_collections_items_and_load_states(
    tmp_path: Path, spec: Spec, embeddings: FloatArray
) -> None:
    """What was loaded can be searched at once; what was released on purpose stays so."""
    kept, left = spec(IndexType.HNSW), spec()
    store = await Milvus.open(tmp_path / "milvus")
    for created in (kept, left):
        await store.create(created)
        await store.upsert(created.name, [Item("a", embeddings[0], "u", {"year": 1})])
    await store.release(left.name)
    before = await store.describe(kept.name)
    await store.close()

    store = await Milvus.open(tmp_path / "milvus")

    assert await store.describe(kept.name) == before
    [[hit]] = await store.search(kept.name, embeddings[:1], SearchParams(1))
    assert (hit.item.id, hit.item.uri, hit.item.metadata) == ("a", "u", {"year": 1})
    assert (await store.describe(left.name)).load_state is LoadState.RELEASED
    await store.close()


async def test_loading_completes_what_creating_left_undone(lite: Milvus, spec: Spec) -> None:
    """A collection whose server was killed before its index was built gets it when loaded."""
    asked = spec(IndexType.HNSW)
    await lite.create(asked)
    await lite.release(asked.name)
    lite.connection.client.drop_index(asked.name, "embedding", timeout=5)

    await lite.load(asked.name)

    built = lite.connection.client.describe_index(asked.name, "embedding", timeout=5)
    assert built["index_type"] == "IVF_FLAT"
