"""Queries → hits: embed them, and search the store."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TypeAlias

import numpy as np

from tihua_server.batching.flow import Flow
from tihua_server.call_store import CallStore
from tihua_server.collection import CollectionSpec
from tihua_server.errors import NotFound, ServiceError
from tihua_server.grouping import grouped_hits
from tihua_server.item import Hit
from tihua_server.query import Found, Query, StoredItem
from tihua_server.query_embedder import EmbeddedQuery, QueryEmbedder
from tihua_server.served_models import ServedModels
from tihua_server.together import together
from tihua_server.vector_store import VectorStore

HITS_AT_ONCE = 1_000
"""Most hits that one search of the store for several queries may return: as many as for a single
query, so that its answers get no larger."""

Answer: TypeAlias = Callable[[int, Found | ServiceError], Awaitable[None]]
"""Called with the position of a query, and its result or error."""


class Searcher:
    """Answers queries."""

    def __init__(self, models: ServedModels, store: VectorStore) -> None:
        """Embed queries with `models`, and search `store`."""
        self._models = models
        self._store = store

    async def search(self, query: Query) -> Found:
        """Return the items nearest to the weighted sum of the query's terms.

        Raises:
            InvalidInput: a term can't be embedded, the terms cancel out, the filter is wrong, or
                earlier pages came from another collection.
            NotFound: there is no such collection or model, or no item of a term's id.
            ModelMismatch: the collection was made with another model, or one that is not served.
        """
        return await _Call(self._models, self._store).search(query)

    async def search_many(self, queries: Mapping[int, Query], answer: Answer, flow: Flow) -> None:
        """Answer many queries, once all are embedded; a failed one spares the others.

        Queries that differ only in their terms are one search of the store: it evaluates their
        filter once, and Milvus Lite determines only once which items there are.

        Args:
            queries: by position.
            answer: called with what `search` would return or raise. Nothing is kept afterwards: all
                hits of many queries would take too much memory.
            flow: the flow of the call.
        """
        await _Call(self._models, self._store, flow).search_many(queries, answer)


class _Call:
    """Answers the queries of one call; `flow` is None if it has only one."""

    def __init__(self, models: ServedModels, store: VectorStore, flow: Flow | None = None) -> None:
        self._store = CallStore(store)
        self._queries = QueryEmbedder(models, self._store)
        self._flow = flow

    async def search(self, query: Query) -> Found:
        """Do as `Searcher.search`."""
        spec = await self._store.spec(query.collection)
        try:
            return await self._search(query, spec)
        except NotFound:
            # The cached spec is up to 5 s old: the collection may have been renamed, or removed
            # after its alias was pointed to another.
            fresh = await self._store.spec(query.collection, is_fresh=True)
            if fresh.name == spec.name:
                raise
            return await self._search(query, fresh)

    async def search_many(self, queries: Mapping[int, Query], answer: Answer) -> None:
        """Do as `Searcher.search_many`."""
        plain = {at: query for at, query in queries.items() if _is_plain(query)}
        await together(
            [
                self._answer_plain(plain, answer),
                *(
                    self._answer_alone(at, query, answer)
                    for at, query in queries.items()
                    if at not in plain
                ),
            ]
        )

    async def _answer_alone(self, at: int, query: Query, answer: Answer) -> None:
        found: Found | ServiceError
        try:
            found = await self.search(query)
        except ServiceError as error:
            found = error
        await answer(at, found)

    async def _answer_plain(self, queries: Mapping[int, Query], answer: Answer) -> None:
        rows = await together([self._try_to_embed(query) for query in queries.values()])
        alike: dict[str, list[tuple[int, EmbeddedQuery]]] = {}
        for at, row in zip(queries, rows, strict=True):
            if isinstance(row, ServiceError):
                await answer(at, row)
            else:
                # As text, because to Python True equals 1, and to a filter it does not.
                alike.setdefault(repr((row.collection, row.params)), []).append((at, row))
        await together(
            [
                self._answer_alike(batch, answer)
                for group in alike.values()
                for batch in _batches(group)
            ]
        )

    async def _answer_alike(
        self, alike: Sequence[tuple[int, EmbeddedQuery]], answer: Answer
    ) -> None:
        """Search once for queries that differ only in their embeddings."""
        found: Sequence[Found | ServiceError]
        try:
            found = await self._find([embedded for _, embedded in alike])
        except NotFound:
            # Their collection may have been renamed: `search` looks it up again.
            await together([self._answer_alone(at, each.query, answer) for at, each in alike])
            return
        except ServiceError as error:
            found = [error] * len(alike)
        for (at, _), each in zip(alike, found, strict=True):
            await answer(at, each)

    async def _search(self, query: Query, spec: CollectionSpec) -> Found:
        [found] = await self._find([await self._queries.embed(query, spec, self._flow)])
        return found

    async def _find(self, alike: Sequence[EmbeddedQuery]) -> list[Found]:
        start_s = perf_counter()
        hits = await self._hits(alike)
        store_s = perf_counter() - start_s
        found = []
        for each, its_hits in zip(alike, hits, strict=True):
            stages = replace(each.stages, store_s=each.stages.store_s + store_s)
            found.append(Found(its_hits, each.collection, each.model, stages, each.truncated_terms))
        return found

    async def _hits(self, alike: Sequence[EmbeddedQuery]) -> list[list[Hit]]:
        first = alike[0]
        name, params, group = first.collection, first.params, first.query.group
        if group is not None:  # such a query is always alone
            return [await grouped_hits(self._store, name, first.embedding, params, group)]
        embeddings = np.stack([each.embedding for each in alike])
        return await self._store.search(name, embeddings, params)

    async def _try_to_embed(self, query: Query) -> EmbeddedQuery | ServiceError:
        try:
            spec = await self._store.spec(query.collection)
            return await self._queries.embed(query, spec, self._flow)
        except ServiceError as error:
            return error


def _is_plain(query: Query) -> bool:
    """Return whether a query is a single search of the store, which it can share with others."""
    return query.group is None and not any(
        isinstance(term.value, StoredItem) for term in query.terms
    )


def _batches(
    alike: Sequence[tuple[int, EmbeddedQuery]],
) -> Iterator[Sequence[tuple[int, EmbeddedQuery]]]:
    """Yield the queries in batches of at most `HITS_AT_ONCE` hits, or of one query."""
    params = alike[0][1].params
    size = max(1, HITS_AT_ONCE // (params.offset + params.limit))
    for start in range(0, len(alike), size):
        yield alike[start : start + size]
