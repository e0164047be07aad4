"""The VectorStore on Milvus: embedded Milvus Lite, or any Milvus from 2.3 on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tihua_server.collection import Collection, CollectionSpec, Index
from tihua_server.item import Hit, Item
from tihua_server.milvus.catalog import Catalog
from tihua_server.milvus.collection_calls import CollectionCalls
from tihua_server.milvus.collections import Collections
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.flusher import Flusher
from tihua_server.milvus.health import Health
from tihua_server.milvus.index_builder import IndexBuilder
from tihua_server.milvus.items import Items
from tihua_server.milvus.loading import Loading
from tihua_server.milvus.naming import Naming
from tihua_server.observer import NOBODY, Observer
from tihua_server.search_params import Fields, Filter, SearchParams
from tihua_server.types import FloatArray


class Milvus:
    """The collections of one Milvus, and their items; create it with `open`, and close it.

    Each method is that of `VectorStore`, done by one of the parts.

    Attributes:
        connection: to Milvus.
        kind: what the Milvus is, for people.
        settle_s: see `VectorStore`.
    """

    def __init__(self, connection: MilvusConnection) -> None:
        calls = CollectionCalls(connection)
        builder = IndexBuilder(connection)
        self._catalog = Catalog(connection, calls)
        self._naming = Naming(connection, calls, self._catalog)
        self._loading = Loading(connection, calls, self._catalog, builder)
        self._collections = Collections(connection, calls, self._catalog, self._naming, builder)
        self._flusher = Flusher(self._loading.flush)
        self._items = Items(connection, calls, self._catalog, self._flusher)
        self._health = Health(connection, calls, self._catalog)
        self.connection = connection
        self.kind = connection.kind
        self.settle_s = self._catalog.settle_s

    @classmethod
    async def open(
        cls,
        target: str | Path,
        *,
        token: str = "",
        timeout_s: float = 10.0,
        observer: Observer = NOBODY,
    ) -> Self:
        """Connect to a Milvus, or open an embedded one, and load its collections.

        Args:
            target: the address of a Milvus, `http://host:19530` (or https, tcp, unix); or, as a
                `Path`, a directory for Milvus Lite, which is made if it is missing.
            token: `user:password` or an API key.
            timeout_s: deadline of a call, in seconds; building and loading have longer.
            observer: notified of each call to Milvus.

        Raises:
            StoreUnavailable: Milvus does not answer, or another process has the directory open.
            ConfigError: the address has no scheme.
        """
        connection = await MilvusConnection.open(
            target, token=token, timeout_s=timeout_s, observer=observer
        )
        store = cls(connection)
        if connection.is_lite:
            try:
                await store._loading.wake()
            except BaseException:
                await store.close()
                raise
        return store

    # Collections.

    async def create(self, spec: CollectionSpec) -> None:
        """Create a collection, its index built and loaded."""
        await self._collections.create(spec)

    async def describe(self, name: str) -> Collection:
        """Return one collection."""
        return await self._collections.describe(name)

    async def drop(self, name: str) -> None:
        """Remove a collection and all its items."""
        await self._collections.drop(name)

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return what a collection was created with, from a cache unless `is_fresh`."""
        return await self._catalog.spec(name, is_fresh=is_fresh)

    async def names(self) -> list[str]:
        """Return the names of tihua's own collections, sorted."""
        return await self._catalog.names()

    # Their names.

    async def rename(self, name: str, new_name: str, *, keeps_alias: bool) -> None:
        """Rename a collection; with `keeps_alias` the old name becomes an alias of it."""
        await self._naming.rename(name, new_name, keeps_alias=keeps_alias)

    async def set_alias(self, alias: str, name: str) -> str:
        """Point an alias to a collection; return its previous one, "" if it is new."""
        return await self._naming.set_alias(alias, name)

    async def drop_alias(self, alias: str) -> None:
        """Remove an alias; the collection stays."""
        await self._naming.drop_alias(alias)

    # Their place in Milvus' memory.

    async def load(self, name: str) -> None:
        """Load a collection, and complete its index."""
        await self._loading.load(name)

    async def build_index(self, name: str, index: Index | None) -> None:
        """Replace the index of a collection, or rebuild it, and load it."""
        await self._loading.build_index(name, index)

    async def release(self, name: str) -> None:
        """Release a collection from memory."""
        await self._loading.release(name)

    # Their items.

    async def upsert(self, name: str, items: Sequence[Item]) -> None:
        """Write items."""
        await self._items.upsert(name, items)

    async def get(
        self, name: str, ids: Sequence[str], fields: Fields, *, is_fresh: bool = False
    ) -> list[Item]:
        """Return the items of these ids, in their order."""
        return await self._items.get(name, ids, fields, is_fresh=is_fresh)

    async def scan(
        self, name: str, *, where: Filter, limit: int, after_id: str = "", fields: Fields
    ) -> list[Item]:
        """Return up to `limit` matching items, sorted by id."""
        return await self._items.scan(
            name, where=where, limit=limit, after_id=after_id, fields=fields
        )

    async def count(self, name: str, where: Filter) -> int:
        """Return the exact number of matching items."""
        return await self._items.count(name, where)

    async def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items by id; return how many there were."""
        return await self._items.delete(name, ids)

    async def delete_where(self, name: str, where: Filter) -> int:
        """Remove the matching items; return how many there were."""
        return await self._items.delete_where(name, where)

    async def search(
        self, name: str, embeddings: FloatArray, params: SearchParams
    ) -> list[list[Hit]]:
        """Return the hits of each query, best first."""
        return await self._items.search(name, embeddings, params)

    # All of it.

    async def ping(self) -> None:
        """Return if Milvus can be used, else raise."""
        await self._health.ping()

    async def close(self) -> None:
        """Flush and disconnect; nothing may be called afterwards.

        Raises:
            StoreUnavailable: see `MilvusConnection.close`.
        """
        await self._flusher.close()
        await self.connection.close()
