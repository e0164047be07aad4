"""Calls to Milvus that concern a collection.

Milvus reports a collection that it is still loading, as after a restart, as if it had been
released, but only a released one needs `load`. So these calls look which of the two it is.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from pymilvus.client.types import LoadState

from tihua_server.errors import CollectionNotReady, ServiceError, StoreUnavailable
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.errors import loading
from tihua_server.milvus.index import is_built
from tihua_server.milvus.schema import EMBEDDING, record

LOAD_TIMEOUT_S = 600.0
"""Deadline of calls that read a whole collection: building its index, loading, flushing."""

T = TypeVar("T")


class CollectionCalls:
    """Calls that distinguish a collection that is loading from one that was released."""

    def __init__(self, connection: MilvusConnection) -> None:
        self._connection = connection
        self._being_built: Counter[str] = Counter()

    async def call(self, name: str, function: Callable[..., T], *args: object, **kwargs: Any) -> T:
        """Like `MilvusConnection.call`; a loading collection is not reported as released."""
        async with self._distinguishing_loading(name):
            return await self._connection.call(name, function, *args, **kwargs)

    async def read(
        self, name: str, function: Callable[..., T], *args: object, **kwargs: object
    ) -> T:
        """Like `MilvusConnection.read`; a loading collection is not reported as released."""
        async with self._distinguishing_loading(name):
            return await self._connection.read(name, function, *args, **kwargs)

    @contextlib.asynccontextmanager
    async def building(self, name: str) -> AsyncIterator[None]:
        """While its index is built here, a collection that is loading puts the store in no doubt.

        Raises:
            StoreUnavailable: with the reason COLLECTION_LOADING if Milvus is still at it when the
                time is up.
        """
        self._being_built[name] += 1
        try:
            yield
        except StoreUnavailable as error:
            if await self._is_loading(name):
                raise loading(name) from error
            raise
        finally:
            self._being_built[name] -= 1

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
        call, client = self._connection.call, self._connection.client
        try:
            found = await call(name, client.get_load_state, name)
            if found["state"] is LoadState.NotLoad:
                asked = record(await call(name, client.describe_collection, name))
                built = await call(name, client.describe_index, name, EMBEDDING)
                return asked is not None and not is_built(
                    asked.spec.index, built, lite=self._connection.is_lite
                )
        except ServiceError:
            return False
        return bool(found["state"] is LoadState.Loading)
