"""The index of an existing collection: replaced, rebuilt, and interrupted."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pymilvus import MilvusClient
from tihua_server.collection import CollectionSpec, Index, IndexType, LoadState
from tihua_server.errors import InvalidInput, NotFound, StoreUnavailable
from tihua_server.item import Item
from tihua_server.milvus import directory
from tihua_server.milvus.schema import EMBEDDING, indexed
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Consistency, Fields, Filter, SearchParams
from tihua_server.types import FloatArray
from tihua_server.vector_store import VectorStore

Spec = Callable[..., CollectionSpec]

HNSW = Index(IndexType.HNSW, {"M": 12, "efConstruction": 100})
STRONG = SearchParams(5, consistency=Consistency.STRONG)


async def filled(store: VectorStore, spec: CollectionSpec, embeddings: FloatArray) -> str:
    """Create a collection of 300 items; return its name."""
    await store.create(spec)
    await store.upsert(spec.name, [Item(str(i), e) for i, e in enumerate(embeddings)])
    return spec.name


async def nearest(store: VectorStore, name: str, embeddings: FloatArray) -> str:
    """Return the id of the best hit for item 7."""
    [hits] = await store.search(name, embeddings[7:8], STRONG)
    return hits[0].item.id


async def test_an_index_is_replaced_and_items_stay(
    store: VectorStore, spec: Spec, embeddings: FloatArray
) -> None:
    """The collection is loaded with the new one and its defaults; all else is as it was."""
    name = await filled(store, spec(IndexType.IVF_FLAT, nlist=16), embeddings)
    before = await store.describe(name)

    await store.build_index(name, Index(IndexType.HNSW, {"M": 12}))

    after = await store.describe(name)
    index = Index(IndexType.HNSW, {"M": 12, "efConstruction": 200})
    assert after == replace(before, spec=replace(before.spec, index=index))
    assert (await store.spec(name)).index == index
    assert await nearest(store, name, embeddings) == "7"
    assert await store.count(name, Filter()) == 300


async def test_an_index_is_built_anew(
    store: VectorStore, spec: Spec, embeddings: FloatArray
) -> None:
    """It keeps its parameters, and a released collection is loaded by it."""
    name = await filled(store, spec(IndexType.HNSW, M=8), embeddings)
    before = await store.describe(name)
    await store.release(name)

    await store.build_index(name, None)

    assert await store.describe(name) == before
    assert await nearest(store, name, embeddings) == "7"


async def test_a_wrong_parameter_leaves_the_index_as_it_is(store: VectorStore, name: str) -> None:
    """Nothing is dropped before the parameters are checked."""
    with pytest.raises(InvalidInput, match="2 to 2048"):
        await store.build_index(name, Index(IndexType.HNSW, {"M": 1}))
    with pytest.raises(NotFound):
        await store.build_index("absent", HNSW)

    found = await store.describe(name)
    assert (found.spec.index, found.load_state) == (Index(IndexType.FLAT), LoadState.LOADED)


async def test_what_is_written_meanwhile_is_there(
    milvus: Milvus, spec: Spec, embeddings: FloatArray
) -> None:
    """Building keeps nobody from writing."""
    name = await filled(milvus, spec(), embeddings)

    _, *_ = await asyncio.gather(
        milvus.build_index(name, HNSW),
        *(milvus.upsert(name, [Item(f"new {i}", embeddings[i])]) for i in range(20)),
    )

    assert await milvus.count(name, Filter()) == 320


async def test_two_that_build_at_once_follow_each_other(
    milvus: Milvus, spec: Spec, embeddings: FloatArray
) -> None:
    """The index is one of the two, and complete."""
    name = await filled(milvus, spec(), embeddings)
    other = Index(IndexType.IVF_FLAT, {"nlist": 7})

    await asyncio.gather(milvus.build_index(name, HNSW), milvus.build_index(name, other))

    found = await milvus.describe(name)
    assert found.spec.index in (HNSW, other)
    assert found.load_state is LoadState.LOADED


async def test_loading_completes_what_was_cut_short(
    milvus: Milvus, spec: Spec, embeddings: FloatArray
) -> None:
    """A collection whose server died in the middle counts as loading until somebody loads it."""
    name = await filled(milvus, spec(), embeddings)
    await leave_half_done(milvus, name)

    await check_is_loading(milvus, name)
    await milvus.load(name)

    await check_is_built(milvus, name, embeddings)


@pytest.mark.milvus
async def test_loading_builds_an_index_that_was_dropped(
    server: Milvus, spec: Spec, embeddings: FloatArray
) -> None:
    """Milvus Lite searches without one, and a server does not load such a collection."""
    name = await filled(server, spec(), embeddings)
    await leave_half_done(server, name)
    server.connection.client.drop_index(name, EMBEDDING, timeout=9)

    await check_is_loading(server, name)
    await server.build_index(name, HNSW)

    await check_is_built(server, name, embeddings)


async def leave_half_done(store: Milvus, name: str) -> None:
    """Replace an index as far as a server gets that dies in the middle."""
    client = store.connection.client
    properties = indexed(client.describe_collection(name, timeout=9), HNSW)
    client.alter_collection_properties(name, properties, timeout=9)
    client.release_collection(name, timeout=9)


async def check_is_loading(store: Milvus, name: str) -> None:
    """Check that the collection says so, and that reading it fails with an error to retry."""
    found = await store.describe(name)
    assert (found.load_state, found.spec.index) == (LoadState.LOADING, HNSW)
    bare = Fields(uri=False, metadata=False)
    query = np.ones((1, found.spec.dim), np.float32)
    for read in (store.search(name, query, STRONG), store.get(name, ["7"], bare)):
        with pytest.raises(StoreUnavailable) as caught:
            await read
        assert caught.value.reason == "COLLECTION_LOADING"


async def check_is_built(store: Milvus, name: str, embeddings: FloatArray) -> None:
    """Check that the collection has the index and can be searched."""
    found = await store.describe(name)
    assert (found.load_state, found.spec.index) == (LoadState.LOADED, HNSW)
    built = store.connection.client.describe_index(name, EMBEDDING, timeout=9)
    assert built["index_type"] == ("IVF_FLAT" if "Lite" in store.kind else "HNSW")
    assert await nearest(store, name, embeddings) == "7"


async def test_a_restart_completes_what_was_cut_short(
    tmp_path: Path, spec: Spec, embeddings: FloatArray
) -> None:
    """Opening Milvus Lite loads every collection, and completes this one."""
    store = await Milvus.open(tmp_path / "milvus")
    name = await filled(store, spec(), embeddings)
    await leave_half_done(store, name)
    store.connection.client.drop_index(name, EMBEDDING, timeout=9)
    await store.close()

    store = await Milvus.open(tmp_path / "milvus")

    await check_is_built(store, name, embeddings)
    await store.close()


def make_hnsw(store: Milvus, name: str) -> None:
    """Give a collection the index that earlier versions made on Milvus Lite."""
    client = store.connection.client
    client.release_collection(name, timeout=9)
    client.drop_index(name, EMBEDDING, timeout=9)
    params = client.prepare_index_params()
    params.add_index(
        EMBEDDING, index_type="HNSW", metric_type="COSINE", params={"params": dict(HNSW.params)}
    )
    client.create_index(name, params, timeout=9)
    client.load_collection(name, timeout=9)


@pytest.mark.parametrize("is_released", [False, True])
async def test_an_hnsw_index_of_milvus_lite_is_replaced_when_the_store_is_opened(
    tmp_path: Path, spec: Spec, embeddings: FloatArray, *, is_released: bool
) -> None:
    """Earlier versions made one; the collection says what was asked for, and stays released."""
    store = await Milvus.open(tmp_path / "milvus")
    name = await filled(store, replace(spec(), index=HNSW), embeddings)
    make_hnsw(store, name)
    if is_released:
        await store.release(name)
    await store.close()

    store = await Milvus.open(tmp_path / "milvus")

    built = store.connection.client.describe_index(name, EMBEDDING, timeout=9)
    found = await store.describe(name)
    await store.close()
    assert built["index_type"] == "IVF_FLAT"
    assert found.spec.index == HNSW
    assert found.load_state is (LoadState.RELEASED if is_released else LoadState.LOADED)


async def test_an_index_stays_until_there_is_room_for_another(
    tmp_path: Path, spec: Spec, embeddings: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk a collection is loaded with the one that it has, and searched."""
    store = await Milvus.open(tmp_path / "milvus")
    name = await filled(store, replace(spec(), index=HNSW), embeddings)
    make_hnsw(store, name)
    await store.close()
    monkeypatch.setattr(directory, "MIN_FREE_BYTES", 2**60)

    store = await Milvus.open(tmp_path / "milvus")

    assert (
        store.connection.client.describe_index(name, EMBEDDING, timeout=9)["index_type"] == "HNSW"
    )
    assert (await store.describe(name)).load_state is LoadState.LOADED
    assert await nearest(store, name, embeddings) == "7"
    monkeypatch.undo()
    await store.load(name)
    await check_is_built(store, name, embeddings)
    await store.close()


async def test_a_kill_while_a_released_collection_gets_its_index_leaves_it_released(
    tmp_path: Path, spec: Spec, embeddings: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on the disk says so at every moment."""
    store = await Milvus.open(tmp_path / "milvus")
    name = await filled(store, replace(spec(), index=HNSW), embeddings)
    make_hnsw(store, name)
    await store.release(name)
    await store.close()
    release, killed = MilvusClient.release_collection, tmp_path / "killed"

    def release_kept(client: MilvusClient, *args: object, **kwargs: object) -> None:
        shutil.rmtree(killed, ignore_errors=True)
        shutil.copytree(tmp_path / "milvus", killed)
        release(client, *args, **kwargs)

    with monkeypatch.context() as keeping:
        keeping.setattr(MilvusClient, "release_collection", release_kept)
        await (await Milvus.open(tmp_path / "milvus")).close()

    store = await Milvus.open(killed)

    assert (await store.describe(name)).load_state is LoadState.RELEASED
    await store.close()
