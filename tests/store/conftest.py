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
SPARE_PAIR = (f"{SPARE}_old", f"{SPARE}_new")


@pytest.fixture(scope="session")
def spares(milvus_uri: str) -> Iterator[set[str]]:
    """Names of collections that tests on the server use one after the other."""
    names = {SPARE, *SPARE_PAIR}
    yield names
    with contextlib.closing(MilvusClient(milvus_uri, timeout=30)) as client:
        for name in names:
            client.drop_collection(name, timeout=30)


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[Milvus]:
    """Milvus Lite in a directory of its own."""
    store = await Milvus.open(tmp_path / "milvus")
    yield store
    await store.close()


@pytest.fixture
async def server(milvus_uri: str, spares: set[str]) -> AsyncIterator[Milvus]:
    """A Milvus server; what a test creates on it is dropped."""
    store = await Milvus.open(milvus_uri, timeout_s=30)
    before = {*spares, *await store.names()}
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


async def create_or_empty(store: VectorStore, spec: CollectionSpec) -> None:
    """Create a collection, or empty the one that an earlier test has left.

    Creating one takes a server 2 s.
    """
    if spec.name in await store.names():
        await store.load(spec.name)
        await store.delete_where(spec.name, Filter())
    else:
        await store.create(spec)


@pytest.fixture
async def name(store: VectorStore, spec: Callable[..., CollectionSpec]) -> str:
    """Return the name of an empty collection with an exact index."""
    await create_or_empty(store, replace(spec(), name=SPARE))
    return SPARE


@pytest.fixture
def embeddings() -> FloatArray:
    """Return 300 random embeddings: (300, 8) float32 of L2 norm 1."""
    rows = np.random.default_rng(0).standard_normal((300, DIM)).astype(np.float32)
    normed: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normed


MakePair = Callable[..., Awaitable[tuple[str, str]]]


@pytest.fixture
def make_pair(spec: Callable[..., CollectionSpec], embeddings: FloatArray) -> MakePair:
    """Return a function that creates two collections of one item; models and ids: `old`, `new`.

    Their names are new, or given.
    """

    async def create(store: VectorStore, name: str, number: int, item_id: str) -> None:
        model = ModelRef(item_id, f"{number:016x}")
        await create_or_empty(store, replace(spec(), name=name, model=model))
        await store.upsert(name, [Item(item_id, embeddings[number])])

    async def make(store: VectorStore, names: tuple[str, str] | None = None) -> tuple[str, str]:
        old, new = names or (spec().name, spec().name)
        await asyncio.gather(create(store, old, 0, "old"), create(store, new, 1, "new"))
        return old, new

    return make


@pytest.fixture
async def pair(store: VectorStore, make_pair: MakePair) -> AsyncIterator[tuple[str, str]]:
    """Such a pair in `store`, whose second collection a test must not rename."""
    made = await make_pair(store, SPARE_PAIR)
    yield made
    for name in {*made} & {*await store.names()}:
        for alias in (await store.describe(name)).aliases:
            await store.drop_alias(alias)


@pytest.fixture
async def alias(store: VectorStore, pair: tuple[str, str]) -> str:
    """An alias of the first collection of the pair."""
    name = pair[0] + "_alias"
    await store.set_alias(name, pair[0])
    return name
