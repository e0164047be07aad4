"""Stores to test: Milvus Lite always, a Milvus server where TIHUA_TEST_MILVUS_URI names one."""

import os
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from tihua_server.milvus import Milvus
from tihua_server.types import CollectionSpec, FloatArray, Index, IndexType, ModelRef

DIM = 8
SERVER = os.environ.get("TIHUA_TEST_MILVUS_URI", "")
STORES = ["lite", *([pytest.param("server", marks=pytest.mark.milvus)] if SERVER else [])]


@pytest.fixture
async def lite(tmp_path: Path) -> AsyncIterator[Milvus]:
    """Milvus Lite in a directory of its own."""
    store = await Milvus.open(tmp_path / "milvus")
    yield store
    await store.close()


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Milvus]:
    """Each store in turn; what a test creates is dropped."""
    store = await Milvus.open(tmp_path / "milvus" if request.param == "lite" else SERVER)
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
