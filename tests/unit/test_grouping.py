"""Hits of which only a few share a value, over a store in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from in_memory_store import InMemoryStore
from other_task import other_task
from tihua_server.collection import CollectionSpec, Index, IndexType
from tihua_server.grouping import FIRST_WINDOW, LARGEST_WINDOW, GroupBy, grouped_hits
from tihua_server.item import Hit, Item
from tihua_server.search_params import Fields, Filter, SearchParams
from tihua_server.types import FloatArray, ModelRef

NAME = "pictures"
QUERY: FloatArray = np.array([1, 0], np.float32)


class Recorder(InMemoryStore):
    """A store that remembers what it was searched for."""

    def __init__(self, index: IndexType = IndexType.FLAT) -> None:
        """Begin with one empty collection."""
        super().__init__(
            CollectionSpec(NAME, ModelRef("m", "0" * 16), 2, Index(index, {"M": 16, "nlist": 512}))
        )
        self.asked: list[SearchParams] = []

    async def search(
        self, name: str, embeddings: FloatArray, params: SearchParams
    ) -> list[list[Hit]]:
        """Search and remember."""
        self.asked.append(params)
        return await super().search(name, embeddings, params)


@pytest.fixture
def store() -> Recorder:
    """A store with an empty collection."""
    return Recorder()


async def fill(store: InMemoryStore, rows: Sequence[Mapping[str, object]]) -> None:
    """Write an item for each row of metadata; each is a little further away than the one before."""
    angles = np.linspace(0, 3, len(rows))
    await store.upsert(
        NAME,
        [
            Item(f"{i:05}", np.array([np.cos(a), np.sin(a)], np.float32), f"u{i % 2}", row)
            for i, (a, row) in enumerate(zip(angles, rows, strict=True))
        ],
    )


async def found(
    store: InMemoryStore,
    key: str,
    *,
    size: int = 1,
    limit: int = 10,
    reach: int = 16_384,
    params: SearchParams | None = None,
) -> list[Hit]:
    """Search with groups."""
    asked = params or SearchParams(limit)
    return await grouped_hits(store, NAME, QUERY, asked, GroupBy(key, size, reach))


def places(hits: Sequence[Hit]) -> list[int]:
    """Return which items were found, by how near they are."""
    return [int(hit.item.id) for hit in hits]


async def test_the_best_of_each_value_is_found(store: Recorder) -> None:
    """Best first, and each says what its group is."""
    await fill(store, [{"by": name} for name in "aabacb"])

    hits = await found(store, "by")

    assert places(hits) == [0, 2, 4]
    assert [hit.group for hit in hits] == ["a", "b", "c"]


async def test_a_group_may_have_several(store: Recorder) -> None:
    """As many as are asked for."""
    await fill(store, [{"by": name} for name in "aaabab"])

    assert places(await found(store, "by", size=2)) == [0, 1, 3, 5]


async def test_an_item_without_the_key_is_in_no_group(store: Recorder) -> None:
    """Nor is one with null there."""
    await fill(store, [{}, {"by": "a"}, {"by": None}, {"by": "a"}, {}])

    hits = await found(store, "by")

    assert places(hits) == [0, 1, 2, 4]
    assert [hit.group for hit in hits] == [None, "a", None, None]


async def test_values_are_the_same_as_json_is(store: Recorder) -> None:
    """Numbers, texts and booleans that look alike are not; lists and objects are compared whole."""
    values: list[object] = [1, "1", True, [1], {"a": 1, "b": 2}, {"b": 2, "a": 1}, [1], 1]
    await fill(store, [{"v": value} for value in values])

    assert places(await found(store, "v")) == [0, 1, 2, 3, 4]


async def test_pages_follow_each_other_without_a_gap_or_a_repetition(store: Recorder) -> None:
    """Whatever their lengths, together they are the one long page."""
    rng = np.random.default_rng(0)
    await fill(store, [{"by": int(v)} for v in rng.zipf(1.3, 3_000) % 400])
    whole = places(await found(store, "by", size=2, limit=1_000))

    pages: list[int] = []
    for limit in (1, 7, 100, 50, 1_000):
        pages += places(await found(store, "by", size=2, params=SearchParams(limit, len(pages))))

    assert pages == whole
    assert len(whole) == len(set(whole)) > 300


async def test_no_more_is_read_than_it_takes(store: Recorder) -> None:
    """Ten values in the first window are found by one search, and the last page by its windows."""
    await fill(store, [{"by": i // 40} for i in range(3_000)])

    await found(store, "by", limit=3)
    assert [(asked.offset, asked.limit) for asked in store.asked] == [(0, FIRST_WINDOW)]
    store.asked.clear()
    await found(store, "by", limit=1_000)

    assert [(asked.offset, asked.limit) for asked in store.asked] == [
        (0, 128),
        (128, 256),
        (384, 512),
        (896, LARGEST_WINDOW),
        (1_896, LARGEST_WINDOW),
        (2_896, LARGEST_WINDOW),
    ]


async def test_nothing_is_looked_for_beyond_the_reach(store: Recorder) -> None:
    """A value whose best item lies further is not found."""
    await fill(store, [{"by": "near"}] * 200 + [{"by": "far"}] * 200)

    assert places(await found(store, "by", reach=200)) == [0]
    assert places(await found(store, "by", reach=201)) == [0, 200]


async def test_items_are_grouped_by_uri(store: Recorder) -> None:
    """The best of each uri."""
    await fill(store, [{"k": i} for i in range(5)])

    hits = await found(store, "uri")

    assert [(hit.item.uri, hit.group) for hit in hits] == [("u0", "u0"), ("u1", "u1")]
    assert hits[0].item.metadata == {"k": 0}


async def test_an_item_without_a_uri_is_in_no_group(store: Recorder) -> None:
    """A uri is optional: a poem may have none."""
    await fill(store, [{}] * 4)
    rows = [replace(item, uri="") for item in store.items(NAME).values() if item.uri == "u1"]
    await store.upsert(NAME, rows)

    hits = await found(store, "uri")

    assert places(hits) == [0, 1, 3]
    assert [hit.group for hit in hits] == ["u0", None, None]


async def test_others_have_their_turn_while_hits_are_grouped(store: Recorder) -> None:
    """However large the values are that are compared."""
    await fill(store, [{"by": [at] * 10_000} for at in range(100)])
    async with other_task() as other:
        assert len(await found(store, "by", limit=100)) == 100
    assert other.turns > 5


async def test_only_the_fields_asked_for_come_back(store: Recorder) -> None:
    """What grouping needs is read, and not given away."""
    await fill(store, [{"by": "a"}])
    bare = SearchParams(1, fields=Fields(uri=False, metadata=False))

    for key, value in (("by", "a"), ("uri", "u0")):
        [hit] = await found(store, key, params=bare)
        assert hit.item == Item("00000", None)
        assert hit.group == value


async def test_filter_and_lowest_score_hold_for_groups_too(store: Recorder) -> None:
    """The best of each value is the best of those that match."""
    await fill(store, [{"by": i % 3, "i": i} for i in range(12)])
    params = SearchParams(10, filter=Filter("i >= 3"), min_score=0.0)

    hits = await found(store, "by", params=params)

    assert places(hits) == [3, 4, 5]
    assert all(hit.score >= 0 for hit in hits)
    assert places(await found(store, "by", params=replace(params, min_score=0.6))) == [3]


async def test_candidates_are_never_fewer_than_a_window_has_hits() -> None:
    """An index would refuse it, though the caller asked for ten hits only."""
    store = Recorder(IndexType.HNSW)
    await fill(store, [{"by": i % 50} for i in range(500)])

    hits = await found(store, "by", params=SearchParams(10, index_params={"ef": 10}))

    assert len(hits) == 10
    assert store.asked[0].index_params == {"ef": FIRST_WINDOW}
