"""Stores to test: Milvus Lite always, and a Milvus server in `make test-milvus`.

The server is started here, unless TIHUA_TEST_MILVUS_URI names another.
"""

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tihua_server.milvus import Milvus
from tihua_server.types import CollectionSpec, FloatArray, Index, IndexType, ModelRef

DIM = 8
STORES = ["lite", pytest.param("server", marks=pytest.mark.milvus)]


@pytest.fixture(scope="session")
def milvus_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Milvus server answers: one for all tests."""
    if uri := os.environ.get("TIHUA_TEST_MILVUS_URI"):
        yield uri
        return
    pytest.importorskip("milvus", reason="`make test-milvus` installs Milvus and runs this")
    from milvus_server import running_milvus

    with running_milvus(tmp_path_factory.mktemp("server")) as server:
        yield server.uri


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[Milvus]:
    """Milvus Lite in a directory of its own."""
    store = await Milvus.open(tmp_path / "milvus")
    yield store
    await store.close()


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Milvus]:
    """Each store in turn; what a test creates is dropped."""
    is_lite = request.param == "lite"
    target = tmp_path / "milvus" if is_lite else request.getfixturevalue("milvus_uri")
    store = await Milvus.open(target)
    before = set(await store.names())
    yield store
    for name in set(await store.names()) - before:
        await store.drop(name)
    await store.close()


@pytest.fixture
def spec() -> Callable[..., CollectionSpec]:
    """Return what makes the spec of a collection of any name, which says something everywhere."""

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
async def name(store: Milvus, spec: Callable[..., CollectionSpec]) -> str:
    """Return the name of an empty collection with an exact index."""
    created = spec()
    await store.create(created)
    return created.name


@pytest.fixture
def embeddings() -> FloatArray:
    """Return 300 random embeddings: (300, 8) float32 of L2 norm 1."""
    rows = np.random.default_rng(0).standard_normal((300, DIM)).astype(np.float32)
    normed: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normed
