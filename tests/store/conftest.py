"""The one suite for every store: in memory, Milvus Lite, and a Milvus server in `make test-milvus`.

Tests of `store` run on all three; tests of `local`, where a collection is created in no time; tests
of `milvus`, on the two that are Milvus; tests of `lite`, on Milvus Lite alone.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from in_memory_store import InMemoryStore
from pymilvus import MilvusClient
from tihua_server.collection import CollectionSpec, Index, IndexType
from tihua_server.item import Item
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Filter
from tihua_server.types import FloatArray, ModelRef
from tihua_server.vector_store import VectorStore

DIM = 8

MILVUSES = ["lite", pytest.param("server", marks=pytest.mark.milvus)]

SPARE = f"test_{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def spare(milvus_uri: str) -> Iterator[str]:
    """Name of a collection that tests on the server use one after the other."""
    yield SPARE
    with contextlib.closing(MilvusClient(milvus_uri, timeout=30)) as client:
        client.drop_collection(SPARE, timeout=30)


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[Milvus]:
    """Milvus Lite in a directory of its own."""
    store = await Milvus.open(tmp_path / "milvus")
    yield store
    await store.close()


@pytest.fixture
async def server(milvus_uri: str, spare: str) -> AsyncIterator[Milvus]:
    """A Milvus server; what a test creates on it is dropped."""
    store = await Milvus.open(milvus_uri, timeout_s=30)
    before = {spare, *await store.names()}
    yield store
    for name in set(await store.names()) - before:
        for alias in (await store.describe(name)).aliases:
            await store.drop_alias(alias)
        await store.drop(name)
    await store.close()


@pytest.fixture
def memory() -> InMemoryStore:
    """Return a store in memory."""
    return InMemoryStore()


@pytest.fixture(params=MILVUSES)
def milvus(request: pytest.FixtureRequest) -> Milvus:
    """Return each store that is Milvus in turn."""
    store: Milvus = request.getfixturevalue(request.param)
    return store


@pytest.fixture(params=["memory", "lite"])
def local(request: pytest.FixtureRequest) -> VectorStore:
    """Return each store of this process in turn."""
    store: VectorStore = request.getfixturevalue(request.param)
    return store


@pytest.fixture(params=["memory", *MILVUSES])
def store(request: pytest.FixtureRequest) -> VectorStore:
    """Return each store in turn."""
    store: VectorStore = request.getfixturevalue(request.param)
    return store


@pytest.fixture
def spec() -> Callable[..., CollectionSpec]:
    """Return a function that makes specs with new names, in which no value is a default."""

    def make(index: IndexType = IndexType.FLAT, **params: int) -> CollectionSpec:
        return CollectionSpec(
            name=f"test_{uuid.uuid4().hex}",
            model=ModelRef("ViT-B-16", "0123456789abcdef"),
            dim=DIM,
            index=Index(index, params),
            shards=2,
            description="题画 \"quoted\" and 'quoted'",
        )

    return make


@pytest.fixture
async def name(store: VectorStore, spec: Callable[..., CollectionSpec]) -> str:
    """Return the name of an empty collection with an exact index.

    Creating one takes a server 2 s, so there the last test's is emptied and reused.
    """
    if SPARE in await store.names():
        await store.load(SPARE)
        await store.delete_where(SPARE, Filter())
    else:
        await store.create(replace(spec(), name=SPARE))
    return SPARE


@pytest.fixture
def embeddings() -> FloatArray:
    """Return 300 random embeddings: (300, 8) float32 of L2 norm 1."""
    rows = np.random.default_rng(0).standard_normal((300, DIM)).astype(np.float32)
    normed: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normed


@pytest.fixture
def make_pair(
    spec: Callable[..., CollectionSpec], embeddings: FloatArray
) -> Callable[[VectorStore], Awaitable[tuple[str, str]]]:
    """Return a function that creates two collections of one item; models and ids: `old`, `new`."""

    async def create(store: VectorStore, number: int, item_id: str) -> str:
        created = replace(spec(), model=ModelRef(item_id, f"{number:016x}"))
        await store.create(created)
        await store.upsert(created.name, [Item(item_id, embeddings[number])])
        return created.name

    async def make(store: VectorStore) -> tuple[str, str]:
        old, new = await asyncio.gather(create(store, 0, "old"), create(store, 1, "new"))
        return old, new

    return make


@pytest.fixture
async def pair(
    store: VectorStore, make_pair: Callable[[VectorStore], Awaitable[tuple[str, str]]]
) -> tuple[str, str]:
    """Such a pair in `store`."""
    return await make_pair(store)


@pytest.fixture
async def alias(store: VectorStore, pair: tuple[str, str]) -> str:
    """An alias of the first collection of the pair."""
    name = pair[0] + "_alias"
    await store.set_alias(name, pair[0])
    return name
