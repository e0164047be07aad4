"""A query → hits: embed its terms, weigh them, ask the store."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from tihua_server.collection import CollectionSpec
from tihua_server.embedder import Embedder
from tihua_server.errors import InvalidInput, NotFound, ServiceError
from tihua_server.flow import Flow
from tihua_server.grouping import GroupBy, grouped_hits
from tihua_server.item import Hit
from tihua_server.search_params import Consistency, Fields, Filter, SearchParams
from tihua_server.served_models import ServedModels
from tihua_server.stages import Stages
from tihua_server.types import Content, FloatArray, ModelRef
from tihua_server.unit_vector import normalized
from tihua_server.vector_store import VectorStore

MAX_WEIGHT = 100.0
"""Bound on a term's weight, either sign; beyond it the other terms would drown in float32."""


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item of the same collection, as an example of what is looked for."""

    id: str


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query, and how much it counts; a negative weight pushes away."""

    value: Content | StoredItem
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, and where.

    Attributes:
        collection: its name, or an alias of it.
        terms: what is looked for.
        params: how.
        model: the model that the request names; empty means the collection's.
        group: what hits are grouped by; None if they are not.
        pages_of: the collection that the pages before came from; empty for a first page.
    """

    collection: str
    terms: Sequence[Term]
    params: SearchParams
    model: str = ""
    group: GroupBy | None = None
    pages_of: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        hits: best first.
        collection: where, by its own name.
        model: the model that embedded the query.
        stages: where the time went.
    """

    hits: list[Hit]
    collection: str
    model: ModelRef
    stages: Stages


class Searcher:
    """Answers queries."""

    def __init__(self, models: ServedModels, store: VectorStore) -> None:
        """Take the models and the store."""
        self._models = models
        self._store = store

    async def search(self, query: Query, flow: Flow | None = None) -> Found:
        """Return the items nearest to the weighted sum of the query's terms.

        Args:
            query: what is looked for.
            flow: whose it is; None if it is all that it asks for.

        Raises:
            InvalidInput: a term can't be embedded, the terms cancel out, the filter is wrong, or
                the pages before came from another collection.
            NotFound: there is no such collection or model, or no item of a term's id.
            ModelMismatch: the collection was made with another model, or one that is not served.
        """
        spec = await self._store.spec(query.collection)
        try:
            return await self._search(query, spec, flow)
        except NotFound:
            # What is believed of a name is up to 5 s old: the collection may have been renamed, or
            # removed after its alias was led to another.
            fresh = await self._store.spec(query.collection, is_fresh=True)
            if fresh.name == spec.name:
                raise
            return await self._search(query, fresh, flow)

    async def _search(self, query: Query, spec: CollectionSpec, flow: Flow | None) -> Found:
        if query.pages_of not in {"", spec.name}:
            raise InvalidInput(
                f"page_token belongs to {query.pages_of}; {query.collection} leads to "
                f"{spec.name} now: start again with the first page",
                reason="WRONG_PAGE_TOKEN",
                field="page_token",
            )
        embedder = self._models.of(spec, query.model)
        embedding, stages = await self._embed(query, spec, embedder, flow)
        start_s = perf_counter()
        params = replace(query.params, filter=_leave_out(query.terms, query.params.filter))
        hits = await self._hits(spec.name, embedding, params, query.group)
        store_s = stages.store_s + perf_counter() - start_s
        return Found(hits, spec.name, embedder.model.ref, replace(stages, store_s=store_s))

    async def _hits(
        self, collection: str, embedding: FloatArray, params: SearchParams, group: GroupBy | None
    ) -> list[Hit]:
        if group is not None:
            return await grouped_hits(self._store, collection, embedding, params, group)
        [hits] = await self._store.search(collection, embedding[np.newaxis], params)
        return hits

    async def _embed(
        self, query: Query, spec: CollectionSpec, embedder: Embedder, flow: Flow | None
    ) -> tuple[FloatArray, Stages]:
        for position, term in enumerate(query.terms):
            if not (0 < abs(term.weight) <= MAX_WEIGHT):
                raise InvalidInput(
                    f"weight is {term.weight:g}; it must be in [-{MAX_WEIGHT:g}, {MAX_WEIGHT:g}] "
                    "and not 0",
                    reason="WRONG_WEIGHT",
                    field=f"terms[{position}].weight",
                )
        examples = {
            term.value.id: position
            for position, term in enumerate(query.terms)
            if isinstance(term.value, StoredItem)
        }
        start_s = perf_counter()
        stored = await self._stored_embeddings(spec.name, examples, query.params.consistency)
        store_s = perf_counter() - start_s if examples else 0.0
        embedded = await embedder.embed(
            [term.value for term in query.terms if not isinstance(term.value, StoredItem)],
            flow=flow,
        )
        rows = iter(embedded.rows)
        total = np.zeros(embedder.model.dim, np.float32)
        for position, term in enumerate(query.terms):
            row = stored[term.value.id] if isinstance(term.value, StoredItem) else next(rows)
            if isinstance(row, ServiceError):
                row.field = f"terms[{position}]"
                raise row
            total += np.float32(term.weight) * row
        if len(query.terms) > 1 or query.terms[0].weight != 1:
            # 1e-6 is the rounding of a few unit vectors in float32: below it there is only noise.
            if np.linalg.norm(total) < 1e-6:
                raise InvalidInput(
                    "the terms cancel each other out; change a weight", reason="TERMS_CANCEL"
                )
            total = normalized(total)
        return total, replace(embedded.stages, store_s=store_s)

    async def _stored_embeddings(
        self, collection: str, positions: dict[str, int], consistency: Consistency
    ) -> dict[str, FloatArray]:
        if not positions:
            return {}
        fields = Fields(uri=False, metadata=False, embedding=True)
        is_fresh = consistency is Consistency.STRONG
        items = await self._store.get(collection, list(positions), fields, is_fresh=is_fresh)
        found = {item.id: item.embedding for item in items if item.embedding is not None}
        for item_id, position in positions.items():
            if item_id not in found:
                raise NotFound(
                    f"collection {collection} has no item {item_id!r}",
                    reason="ITEM_NOT_FOUND",
                    field=f"terms[{position}].item_id",
                )
        return found


def _leave_out(terms: Sequence[Term], where: Filter) -> Filter:
    """Return the filter that also leaves out the items that serve as examples."""
    ids = [term.value.id for term in terms if isinstance(term.value, StoredItem)]
    return replace(where, without_ids=ids)
