"""Search: the nearest items, best first."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from tihua_server.collection import CollectionSpec, IndexType
from tihua_server.errors import InvalidInput
from tihua_server.item import Hit, Item
from tihua_server.milvus import items as items_module
from tihua_server.milvus.schema import to_item
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Consistency, Fields, Filter, SearchParams
from tihua_server.types import FloatArray
from tihua_server.vector_store import VectorStore

Spec = Callable[..., CollectionSpec]


def found(hits: list[Hit]) -> list[str]:
    """Return the ids of hits, best first."""
    return [hit.item.id for hit in hits]


async def fill(store: VectorStore, name: str, embeddings: FloatArray) -> None:
    """Write one item per embedding, with its position as id and as metadata `i`."""
    items = [Item(str(i), e, f"u{i}", {"i": i}) for i, e in enumerate(embeddings)]
    await store.upsert(name, items)


def strong(limit: int, **params: object) -> SearchParams:
    """Return parameters of a search that sees what was just written."""
    return SearchParams(limit, consistency=Consistency.STRONG, **params)  # type: ignore[arg-type]


async def test_hits_are_the_nearest_by_cosine_best_first(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Ids and scores agree with a plain matrix product, for several queries at once."""
    await fill(store, name, embeddings)
    queries = np.stack([embeddings[5], -embeddings[7]])

    answers = await store.search(name, queries, strong(20))

    cosines = queries @ embeddings.T
    for hits, cosine in zip(answers, cosines, strict=True):
        assert found(hits) == [str(i) for i in np.argsort(-cosine)[:20]]
        np.testing.assert_allclose(
            [hit.score for hit in hits], np.sort(-cosine)[:20] * -1, atol=1e-5
        )
    assert answers[0][0].score == pytest.approx(1.0, abs=1e-6)


async def test_a_score_never_leaves_its_range(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Rounding would take some cosines beyond 1 or -1."""
    await fill(store, name, embeddings)

    for sign in (1.0, -1.0):
        queries = (sign * embeddings[:20]).astype(np.float32)
        for hits in await store.search(name, queries, strong(300)):
            assert len(hits) == 300
            assert all(-1.0 <= hit.score <= 1.0 for hit in hits)


async def test_hits_carry_the_fields_asked_for(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """A hit has uri and metadata by default; the embedding, or only the id, on demand."""
    await fill(store, name, embeddings[:3])

    [[hit]] = await store.search(name, embeddings[:1], strong(1))
    assert hit.item == Item("0", None, "u0", {"i": 0})
    fields = Fields(uri=False, metadata=False, embedding=True)
    [[hit]] = await store.search(name, embeddings[:1], strong(1, fields=fields))
    assert np.array_equal(hit.item.embedding, embeddings[0])  # type: ignore[arg-type]
    fields = Fields(uri=False, metadata=False)
    [[hit]] = await store.search(name, embeddings[:1], strong(1, fields=fields))
    assert hit.item == Item("0", None)


async def test_an_offset_leaves_out_the_best(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """Two pages are one longer page; beyond the last there is nothing."""
    await fill(store, name, embeddings[:25])
    [whole] = await store.search(name, embeddings[:1], strong(25))

    [first] = await store.search(name, embeddings[:1], strong(20))
    [second] = await store.search(name, embeddings[:1], strong(20, offset=20))
    [third] = await store.search(name, embeddings[:1], strong(20, offset=40))

    assert found(first) + found(second) == found(whole)
    assert third == []


async def test_hits_below_the_minimum_score_are_left_out(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """The bound itself is kept."""
    await fill(store, name, embeddings[:50])
    [whole] = await store.search(name, embeddings[:1], strong(50))

    [hits] = await store.search(name, embeddings[:1], strong(50, min_score=whole[9].score))

    assert found(hits) == found(whole)[:10]


async def test_only_matching_items_are_searched(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """The limit counts matching items, however far they are."""
    await fill(store, name, embeddings)
    where = Filter("i in {numbers}", {"numbers": [3.0, 50.0, 299.0]})

    [hits] = await store.search(name, embeddings[:1], strong(10, filter=where))

    assert set(found(hits)) == {"3", "50", "299"}


async def test_an_empty_collection_has_no_hits(
    store: VectorStore, name: str, embeddings: FloatArray
) -> None:
    """No hits is an answer."""
    assert await store.search(name, embeddings[:2], strong(3)) == [[], []]


async def test_as_many_hits_are_found_as_are_asked_for(
    milvus: Milvus, spec: Spec, embeddings: FloatArray
) -> None:
    """No index stops at its own number of candidates, whether it is built or not yet."""

    async def check(index: IndexType) -> None:
        created = spec(index)
        await milvus.create(created)
        await fill(milvus, created.name, embeddings)
        for is_built in (False, True):
            if is_built:
                # Loading builds the index of what is flushed, and waits for it.
                await milvus.release(created.name)
                await milvus._loading.flush(created.name)
                await milvus.load(created.name)
            for offset in (0, 150):
                params = strong(150, offset=offset)
                [hits] = await milvus.search(created.name, embeddings[:1], params)
                assert len(hits) == 150, (index, is_built, offset)

    # All at once: a server spends most of the time in waiting.
    await asyncio.gather(*map(check, IndexType))


@pytest.mark.parametrize("index", list(IndexType))
async def test_what_a_filter_or_a_deletion_leaves_is_found_however_little(
    lite: Milvus, spec: Spec, index: IndexType
) -> None:
    """All of it is found, though thousands of excluded items are nearer."""
    rows = np.random.default_rng(0).standard_normal((3_000, 8)).astype(np.float32)
    rows = rows[np.argsort(-rows[:, 0] / np.linalg.norm(rows, axis=1))]
    query = np.eye(1, 8, dtype=np.float32)
    created = spec(index)
    await lite.create(created)
    await fill(lite, created.name, rows)
    await lite.release(created.name)
    await lite._loading.flush(created.name)
    await lite.load(created.name)
    rare = [f"{i}" for i in range(2_000, 2_050, 10)]

    where = Filter("id in {rare}", {"rare": rare})
    [hits] = await lite.search(created.name, query, strong(10, filter=where))
    assert found(hits) == rare

    assert await lite.delete_where(created.name, Filter("id not in {rare}", where.params)) == 2_995
    [hits] = await lite.search(created.name, query, strong(10))
    assert found(hits) == rare


@pytest.mark.parametrize(
    ("index", "params", "words"),
    [
        (IndexType.IVF_FLAT, {"nprobe": 0}, "1 to 512"),
        (IndexType.IVF_FLAT, {"nprobe": 513}, "1 to 512"),
        (IndexType.IVF_FLAT, {"ef": 64}, "nprobe"),
        (IndexType.HNSW, {"ef": 9}, "10 to 32768"),
        (IndexType.HNSW, {"ef": 32_769}, "10 to 32768"),
        (IndexType.FLAT, {"nprobe": 8}, "no parameters"),
        (IndexType.AUTOINDEX, {"ef": 64}, "no parameters"),
    ],
)
async def test_a_wrong_search_parameter_is_refused(
    local: VectorStore,
    spec: Spec,
    embeddings: FloatArray,
    index: IndexType,
    params: dict[str, int],
    words: str,
) -> None:
    """The error names the bounds, or the parameter that there is."""
    created = spec(index)
    await local.create(created)

    with pytest.raises(InvalidInput, match=words):
        await local.search(created.name, embeddings[:1], strong(10, index_params=params))


async def test_a_search_parameter_reaches_the_index(
    lite: Milvus, spec: Spec, embeddings: FloatArray
) -> None:
    """Of 300 lists with one embedding each, looking into two finds two."""
    created = spec(IndexType.IVF_FLAT)
    await lite.create(created)
    await fill(lite, created.name, embeddings)
    # Loading builds the index of what is flushed, and waits for it.
    await lite.release(created.name)
    await lite._loading.flush(created.name)
    await lite.load(created.name)

    params = SearchParams(10, index_params={"nprobe": 2})
    [hits] = await lite.search(created.name, embeddings[:1], params)

    assert len(hits) == 2


async def test_answers_are_read_in_a_thread(
    lite: Milvus, spec: Spec, embeddings: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pymilvus decodes a row when it is looked at: in the event loop all others would wait."""
    created = spec()
    await lite.create(created)
    await fill(lite, created.name, embeddings[:3])
    threads: list[threading.Thread] = []

    def noted(row: Mapping[str, Any], fields: Fields) -> Item:
        threads.append(threading.current_thread())
        return to_item(row, fields)

    monkeypatch.setattr(items_module, "to_item", noted)
    await lite.get(created.name, ["0", "1"], Fields(embedding=True))
    await lite.scan(created.name, where=Filter(), limit=3, fields=Fields())
    await lite.search(created.name, embeddings[:1], SearchParams(3))
    assert len(threads) == 8
    assert threading.main_thread() not in threads
