"""The terms of a query: stored items, and weights; in memory, with the fake model."""

from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from fake_encoder import FakeEncoder
from in_memory_store import InMemoryStore
from tihua_server.collection import CollectionSpec, Index, IndexType
from tihua_server.config import Config
from tihua_server.errors import NotFound
from tihua_server.item import Item
from tihua_server.query import Query, StoredItem, Term
from tihua_server.search_params import Consistency, Fields, SearchParams
from tihua_server.searcher import Searcher
from tihua_server.served_models import ServedModels
from tihua_server.types import Text


class LateStore(InMemoryStore):
    """A store that shows by id what another server wrote only to who asks for the newest."""

    async def get(
        self, name: str, ids: Sequence[str], fields: Fields, *, is_fresh: bool = False
    ) -> list[Item]:
        """Return the items, or none yet."""
        return await super().get(name, ids, fields) if is_fresh else []


@pytest.fixture
async def searcher(encoder: FakeEncoder) -> AsyncIterator[Searcher]:
    """A searcher of two items."""
    spec = CollectionSpec("pictures", encoder.info.ref, encoder.info.dim, Index(IndexType.FLAT))
    store = LateStore(spec)
    rows = np.eye(2, encoder.info.dim, dtype=np.float32)
    await store.upsert("pictures", [Item(f"{n}", row) for n, row in enumerate(rows)])
    models = ServedModels([encoder], Config(preprocess_threads=1))
    yield Searcher(models, store)
    await models.close()


@pytest.mark.parametrize("scale", [1e-40, 1e-7, 30.0])
async def test_weights_count_in_proportion_to_each_other(searcher: Searcher, scale: float) -> None:
    """However small they are together, they are not taken for terms that cancel out."""

    async def score(*weights: float) -> float:
        terms = [Term(Text(text), weight) for text, weight in zip("马山", weights, strict=False)]
        found = await searcher.search(Query("pictures", terms, SearchParams(1)))
        return found.hits[0].score

    assert await score(scale) == pytest.approx(await score(1.0), abs=1e-6)
    assert await score(scale, -3 * scale) == pytest.approx(await score(1.0, -3.0), abs=1e-6)


async def test_a_strong_search_knows_an_example_of_a_moment_ago(searcher: Searcher) -> None:
    """Whoever wrote it; a bounded one may not."""

    def query(consistency: Consistency) -> Query:
        return Query("pictures", [Term(StoredItem("0"))], SearchParams(9, consistency=consistency))

    found = await searcher.search(query(Consistency.STRONG))
    assert [hit.item.id for hit in found.hits] == ["1"]
    with pytest.raises(NotFound, match="no item '0'"):
        await searcher.search(query(Consistency.BOUNDED))
