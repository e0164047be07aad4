"""What is known of the collections in Milvus: their specs, cached, and whether they are loading.

Calls that concern a collection go through here: Milvus reports one that it is still loading, as
after a restart, as if it had been released, but only a released one needs `load`.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar

from pymilvus.client.types import LoadState

from tihua_server.collection import CollectionSpec, Index
from tihua_server.errors import (
    CollectionNotReady,
    InvalidInput,
    NotFound,
    ServiceError,
    StoreError,
)
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.errors import damaged, loading, not_found
from tihua_server.milvus.index import as_built, is_built
from tihua_server.milvus.schema import EMBEDDING, Record, record

SPEC_TTL_S = 5.0
"""How long a collection's spec is cached: another server may move an alias, or drop a collection
and create it again."""

RENAME_S = 0.1
"""How long a name may lead nowhere while its collection is renamed: it takes 10 ms on Milvus
2.3.5."""

T = TypeVar("T")


class MilvusRecords:
    """What is known of the collections of one Milvus, and the calls that concern them.

    Attributes:
        kind: what the Milvus is, for people.
        settle_s: see `VectorStore`.
    """

    def __init__(self, connection: MilvusConnection) -> None:
        self.kind = connection.kind
        # Nobody else caches names of an embedded store, and its calls run one after another.
        self.settle_s = 0.0 if connection.lite_server else SPEC_TTL_S + connection.timeout_s
        self._connection = connection
        self._client = connection.client
        self._is_lite = connection.is_lite
        self._specs: dict[str, tuple[float, CollectionSpec]] = {}
        self._being_built: Counter[str] = Counter()

    async def _call(self, name: str, function: Callable[..., T], *args: object, **kwargs: Any) -> T:
        """Like `MilvusConnection.call`; a loading collection is not reported as released."""
        async with self._distinguishing_loading(name):
            return await self._connection.call(name, function, *args, **kwargs)

    async def _read(
        self, name: str, function: Callable[..., T], *args: object, **kwargs: object
    ) -> T:
        """Like `MilvusConnection.read`; a loading collection is not reported as released."""
        async with self._distinguishing_loading(name):
            return await self._connection.read(name, function, *args, **kwargs)

    @contextlib.asynccontextmanager
    async def _distinguishing_loading(self, name: str) -> AsyncIterator[None]:
        try:
            yield
        except CollectionNotReady as error:
            if not await self._is_loading(name):
                raise
            self._connection.is_in_doubt |= not self._being_built[name]
            raise loading(name) from error

    async def _is_loading(self, name: str) -> bool:
        """Return whether a collection that is not loaded counts as loading, not as released."""
        call, client = self._connection.call, self._client
        try:
            found = await call(name, client.get_load_state, name)
            if found["state"] is LoadState.NotLoad:
                asked = record(await call(name, client.describe_collection, name))
                built = await call(name, client.describe_index, name, EMBEDDING)
                return asked is not None and not self._is_built(asked.spec.index, built)
        except ServiceError:
            return False
        return bool(found["state"] is LoadState.Loading)

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return what a collection was created with, from a cache of 5 s unless `is_fresh`."""
        if name in self._specs and not is_fresh:
            read_at, spec = self._specs[name]
            if time.monotonic() - read_at < SPEC_TTL_S:
                return spec
        return (await self._record(name)).spec

    def _forget(self, name: str) -> None:
        """Drop a collection, by any of its names, or an alias from the cache of specs."""
        for known, (_, spec) in list(self._specs.items()):
            if name in {known, spec.name}:
                del self._specs[known]

    async def _own_name(self, name: str) -> str:
        """Return the name of the collection that a name or an alias stands for."""
        return (await self.spec(name)).name

    async def _record(self, name: str) -> Record:
        if not name:  # which pymilvus refuses by itself, as a mistake of ours
            raise not_found(name)
        try:
            found = await self._described(name)
        except NotFound:
            if name not in self._specs:
                raise
            # It was there a moment ago, and may be in the middle of a rename.
            await asyncio.sleep(RENAME_S)
            try:
                found = await self._described(name)
            except NotFound:
                self._specs.pop(name, None)
                raise
        self._specs[name] = (time.monotonic(), found.spec)
        return found

    async def _described(self, name: str) -> Record:
        try:
            description = await self._read(name, self._client.describe_collection, name)
        except (InvalidInput, StoreError) as error:
            if not self._is_lite:
                raise
            # To describe it, Milvus Lite opens it, and that failed.
            raise damaged(name) from error
        found = record(description)
        if found is None:
            raise not_found(name)
        return found

    def _is_built(self, index: Index, description: Mapping[str, Any] | None) -> bool:
        return is_built(as_built(index, lite=self._is_lite), description)
