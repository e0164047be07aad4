"""The store as one call's searches see it: names resolved once, and few requests at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from tihua_server.collection import CollectionSpec
from tihua_server.errors import ServiceError
from tihua_server.item import Hit, Item
from tihua_server.search_params import Fields, SearchParams
from tihua_server.types import FloatArray
from tihua_server.vector_store import SearchableStore

SEARCHES_AT_ONCE = 4
"""Requests of one call to the store at one time. A request's deadline runs while it waits for a
thread of the store: of 256 at once most would fail, and everybody else would wait behind them."""


class CallStore:
    """A `SearchableStore` for one call, over that of all calls.

    Each name is looked up once, so that all queries by it search one collection with one model,
    even if an alias is moved meanwhile. A second lookup, which bypasses the cache, is kept apart:
    `searcher.py` asks for it if the collection is gone.
    """

    def __init__(self, store: SearchableStore) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(SEARCHES_AT_ONCE)
        self._specs: dict[tuple[str, bool], CollectionSpec | ServiceError] = {}
        self._locks: defaultdict[tuple[str, bool], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return what a collection was created with, as the first lookup found it."""
        key = (name, is_fresh)
        async with self._locks[key]:
            if key not in self._specs:
                try:
                    self._specs[key] = await self._store.spec(name, is_fresh=is_fresh)
                except ServiceError as error:
                    self._specs[key] = error
        found = self._specs[key]
        if isinstance(found, ServiceError):
            raise found.without_traceback()  # one error for all queries: they would add up
        return found

    async def get(
        self, name: str, ids: Sequence[str], fields: Fields, *, is_fresh: bool = False
    ) -> list[Item]:
        """Return items by id, when it is their turn."""
        async with self._slots:
            return await self._store.get(name, ids, fields, is_fresh=is_fresh)

    async def search(
        self, name: str, embeddings: FloatArray, params: SearchParams
    ) -> list[list[Hit]]:
        """Return the hits of each query, when it is their turn."""
        async with self._slots:
            return await self._store.search(name, embeddings, params)
