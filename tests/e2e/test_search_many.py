"""Many queries in one call: which ones share a search of the store, and what each gets."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tihua
from fake_encoder import FakeEncoder
from in_memory_store import InMemoryStore
from tihua_server.app import App
from tihua_server.call_store import SEARCHES_AT_ONCE
from tihua_server.collection import CollectionSpec, Index, IndexType
from tihua_server.config import Config
from tihua_server.errors import StoreError
from tihua_server.item import Hit, Item
from tihua_server.rpc.entrance import Entrance
from tihua_server.search_params import Fields, SearchParams
from tihua_server.served_models import ServedModels
from tihua_server.telemetry.telemetry import Telemetry
from tihua_server.types import FloatArray

TEXTS = [f"第{number}句" for number in range(20)]


class Counting(InMemoryStore):
    """A store that remembers what it was asked; a search for 7 hits fails.

    Attributes:
        searches: the number of queries of each search.
        lookups: the names that were looked up, and whether past the cache.
        most_at_once: the most searches and reads by id that ran at one time.
        old_names: stale specs by name, returned unless a fresh one is asked for.
    """

    def __init__(self, *specs: CollectionSpec) -> None:
        """Start with empty collections."""
        super().__init__(*specs)
        self.searches: list[int] = []
        self.lookups: list[tuple[str, bool]] = []
        self.most_at_once = 0
        self.old_names: dict[str, CollectionSpec] = {}
        self._running = 0

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        yield
        self._running -= 1

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return the spec, or a stale one unless a fresh one is asked for."""
        self.lookups.append((name, is_fresh))
        await asyncio.sleep(0)
        if name in self.old_names and not is_fresh:
            return self.old_names[name]
        return await super().spec(name, is_fresh=is_fresh)

    async def search(
        self, name: str, embeddings: FloatArray, params: SearchParams
    ) -> list[list[Hit]]:
        """Count the queries."""
        self.searches.append(len(embeddings))
        if params.limit == 7:
            raise StoreError("it can't count to seven")
        with self._counted():
            await asyncio.sleep(0)
            return await super().search(name, embeddings, params)

    async def get(
        self, name: str, ids: Sequence[str], fields: Fields, *, is_fresh: bool = False
    ) -> list[Item]:
        """Return items."""
        with self._counted():
            await asyncio.sleep(0)
            return await super().get(name, ids, fields, is_fresh=is_fresh)


@pytest.fixture
def store(encoder: FakeEncoder) -> Counting:
    """Two collections."""
    info, index = encoder.info, Index(IndexType.FLAT)
    return Counting(*(CollectionSpec(name, info.ref, info.dim, index) for name in ("c", "d")))


@pytest.fixture
async def client(
    store: Counting, encoder: FakeEncoder, tmp_path: Path
) -> AsyncIterator[tihua.AsyncClient]:
    """A client of a server with that store, which has an item for each text."""
    config = Config(port=0, data_dir=tmp_path)
    models = ServedModels([encoder], config)
    app = App(models, store, config, Telemetry(config), Entrance(config))
    await app.start()
    async with tihua.AsyncClient(app.address, collection="c") as opened:
        for name in ("c", "d"):
            items = [tihua.Item(text, text=text, metadata={"one": 1}) for text in TEXTS]
            await opened.upsert(items, collection=name)
        yield opened
    await app.stop()


async def first_ids(client: tihua.AsyncClient, queries: list[tihua.Query]) -> list[str]:
    """Search; return the id of each query's best hit, "" for none, or the reason of its error."""
    return [
        "".join(hit.id for hit in result[:1])
        if isinstance(result, tihua.SearchResult)
        else result.reason
        for result in await client.search_many(queries)
    ]


async def test_queries_alike_are_searched_for_at_once(
    client: tihua.AsyncClient, store: Counting
) -> None:
    """The store evaluates their filter once; a failing query does not affect the others."""
    queries = [tihua.Query(text=text, filter="one == {n}", params={"n": 1}) for text in TEXTS]
    queries.insert(3, tihua.Query(text=""))

    assert await first_ids(client, queries) == [*TEXTS[:3], "EMPTY_TEXT", *TEXTS[3:]]
    assert store.searches == [len(TEXTS)]


async def test_queries_that_differ_are_searched_for_apart(
    client: tihua.AsyncClient, store: Counting
) -> None:
    """They may differ by collection, filter, values, limit, example or groups, and fail apart."""
    first, second, *_ = TEXTS
    queries = [
        *(tihua.Query(text=text) for text in TEXTS[:4]),
        *(tihua.Query(text=text, collection="d") for text in TEXTS[:3]),
        *(tihua.Query(text=text, limit=7) for text in TEXTS[:2]),
        tihua.Query(text=first, filter="one == {n}", params={"n": 1}),
        tihua.Query(text=first, filter="one == {n}", params={"n": True}),
        tihua.Query(text=first, min_score=0.5),
        tihua.Query(text=first, group_by="uri"),
        tihua.Query(item_id=second, limit=20),
        tihua.Query(item_id="absent"),
    ]

    found = await first_ids(client, queries)

    assert found[:9] == [*TEXTS[:4], *TEXTS[:3], "STORE_ERROR", "STORE_ERROR"]
    assert found[9:13] == [first, "", first, first]
    assert found[13] != second
    assert found[14] == "ITEM_NOT_FOUND"
    assert sorted(store.searches) == [1, 1, 1, 1, 1, 2, 3, 4]


async def test_no_answer_of_the_store_is_larger_than_for_one_query(
    client: tihua.AsyncClient, store: Counting
) -> None:
    """A search returns at most a thousand hits, or those of one query if that is more."""
    queries = [tihua.Query(text=text, limit=400) for text in TEXTS[:5]]
    queries += [tihua.Query(text=text, limit=1_000) for text in TEXTS[:2]]

    assert await first_ids(client, queries) == [*TEXTS[:5], *TEXTS[:2]]
    assert sorted(store.searches) == [1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    "asked", [{"limit": 1_000}, {"group_by": "one"}, {"item_id": TEXTS[0], "text": None}]
)
async def test_a_call_leaves_the_store_room_for_others(
    client: tihua.AsyncClient, store: Counting, asked: dict[str, Any]
) -> None:
    """Few of its queries are at the store at one time, and the deadlines of those alone run."""
    queries = [tihua.Query(**{"text": text, **asked}) for text in TEXTS * 3]

    assert "" not in await first_ids(client, queries)
    assert len(store.searches) == len(queries)
    assert 1 < store.most_at_once <= SEARCHES_AT_ONCE


async def test_a_name_is_looked_up_once(client: tihua.AsyncClient, store: Counting) -> None:
    """However many queries go by it, and so they search one collection; also if it is renamed."""
    kinds: list[dict[str, Any]] = [{}, {"filter": "one == 1"}, {"group_by": "one"}]
    await store.set_alias("alias", "c")
    store.old_names["alias"] = await store.spec("c")
    await store.rename("c", "e", keeps_alias=False)
    store.lookups.clear()
    queries = [tihua.Query(text=t, collection="alias", **kind) for t in TEXTS for kind in kinds]

    assert "" not in await first_ids(client, queries)
    assert store.lookups == [("alias", False), ("alias", True)]


async def test_queries_find_a_collection_that_was_just_renamed(
    client: tihua.AsyncClient, store: Counting
) -> None:
    """A single query under an alias does so too."""
    await store.set_alias("alias", "c")
    store.old_names["alias"] = await store.spec("c")
    await store.rename("c", "e", keeps_alias=False)
    queries = [tihua.Query(text=text, collection="alias") for text in TEXTS[:3]]

    assert await first_ids(client, queries) == TEXTS[:3]
