"""A query → its embedding: the weighted sum of its terms' embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from tihua_server.batching.flow import Flow
from tihua_server.collection import CollectionSpec
from tihua_server.embedder import Embedder
from tihua_server.errors import InvalidInput, NotFound, ServiceError
from tihua_server.pages import require_same_collection
from tihua_server.query import Query, StoredItem, Term
from tihua_server.search_params import Consistency, Fields, Filter, SearchParams
from tihua_server.served_models import ServedModels
from tihua_server.stages import Stages
from tihua_server.types import FloatArray, ModelRef
from tihua_server.unit_vector import normalized
from tihua_server.vector_store import SearchableStore

MAX_WEIGHT = 100.0
"""Bound on a term's weight, either sign; beyond it the other terms would drown in float32."""


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """A query that is ready for the store.

    Attributes:
        query: the original query.
        collection: own name of the collection to search.
        embedding: (dim,) float32, what to search for.
        params: how to search; items that serve as examples are excluded.
        model: the model that embedded it.
        stages: where the time went so far.
        truncated_terms: see `Found`.
    """

    query: Query
    collection: str
    embedding: FloatArray
    params: SearchParams
    model: ModelRef
    stages: Stages
    truncated_terms: Sequence[int]


class QueryEmbedder:
    """Embeds queries with the models of their collections."""

    def __init__(self, models: ServedModels, store: SearchableStore) -> None:
        """Embed with `models`; items that serve as examples are read from `store`."""
        self._models = models
        self._store = store

    async def embed(self, query: Query, spec: CollectionSpec, flow: Flow | None) -> EmbeddedQuery:
        """Return a query with its embedding by the model of its collection.

        Args:
            query: the query.
            spec: of the collection that its name resolves to.
            flow: the flow of a call that has more queries, else None.

        Raises:
            InvalidInput: a term can't be embedded, the terms cancel out, or earlier pages came from
                another collection.
            NotFound: there is no such collection or model, or no item of a term's id.
            ModelMismatch: the collection was made with another model, or one that is not served.
        """
        require_same_collection(query.pages_of, query.collection, spec.name)
        embedder = self._models.of(spec, query.model)
        embedding, stages, truncated = await self._weighed(query, spec, embedder, flow)
        params = replace(query.params, filter=_leave_out(query.terms, query.params.filter))
        model = embedder.model.ref
        return EmbeddedQuery(query, spec.name, embedding, params, model, stages, truncated)

    async def _weighed(
        self, query: Query, spec: CollectionSpec, embedder: Embedder, flow: Flow | None
    ) -> tuple[FloatArray, Stages, list[int]]:
        """Return the weighted sum of the terms, its stages, and positions of truncated terms."""
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
        total_weight = sum(abs(term.weight) for term in query.terms)
        for position, term in enumerate(query.terms):
            row = stored[term.value.id] if isinstance(term.value, StoredItem) else next(rows)
            if isinstance(row, ServiceError):
                row.field = f"terms[{position}]"
                raise row
            total += np.float32(term.weight / total_weight) * row
        if len(query.terms) > 1:
            # 1e-6 is the rounding of a few unit vectors in float32: below it there is only noise.
            if np.linalg.norm(total) < 1e-6:
                raise InvalidInput(
                    "the terms cancel each other out; change a weight", reason="TERMS_CANCEL"
                )
            total = normalized(total)
        sent = [at for at, term in enumerate(query.terms) if not isinstance(term.value, StoredItem)]
        truncated = [sent[at] for at in embedded.truncated]
        return total, replace(embedded.stages, store_s=store_s), truncated

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
    """Return the filter extended to exclude the items that serve as examples."""
    ids = [term.value.id for term in terms if isinstance(term.value, StoredItem)]
    return replace(where, without_ids=ids)
