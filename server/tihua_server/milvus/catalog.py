"""What is known of the collections in Milvus: which there are, their specs, and their counts.

Specs are cached, because every request needs one. Collections that tihua did not make have no
record: they are ignored, except that their names are taken.
"""

import asyncio
import time

from tihua_server.collection import CollectionSpec
from tihua_server.errors import CollectionDamaged, InvalidInput, NotFound, StoreError
from tihua_server.milvus.collection_calls import CollectionCalls
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.errors import damaged, not_found
from tihua_server.milvus.lite_server import LiteServer
from tihua_server.milvus.schema import Record, record

SPEC_TTL_S = 5.0
"""How long a collection's spec is cached: another server may move an alias, or drop a collection
and create it again."""

RENAME_S = 0.1
"""How long a name may lead nowhere while its collection is renamed: it takes 10 ms on Milvus
2.3.5."""


class Catalog:
    """What is recorded of the collections of one Milvus, by any of their names.

    Attributes:
        settle_s: see `VectorStore`.
    """

    def __init__(self, connection: MilvusConnection, calls: CollectionCalls) -> None:
        # Nobody else caches names of an embedded store, and its calls run one after another.
        self.settle_s = 0.0 if connection.lite_server else SPEC_TTL_S + connection.timeout_s
        self._client, self._is_lite = connection.client, connection.is_lite
        self._lite_server = connection.lite_server
        self._calls = calls
        self._specs: dict[str, tuple[float, CollectionSpec]] = {}

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return what a collection was created with, from a cache of 5 s unless `is_fresh`."""
        if name in self._specs and not is_fresh:
            read_at, spec = self._specs[name]
            if time.monotonic() - read_at < SPEC_TTL_S:
                return spec
        return (await self.find(name)).spec

    async def own_name(self, name: str) -> str:
        """Return the name of the collection that a name or an alias stands for, as `spec` does."""
        return (await self.spec(name)).name

    async def find(self, name: str) -> Record:
        """Return what Milvus has recorded of a collection now.

        Raises:
            NotFound: there is none of that name, or tihua did not make it.
            CollectionDamaged: Milvus Lite can't open it.
        """
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
            description = await self._calls.read(name, self._client.describe_collection, name)
        except (InvalidInput, StoreError) as error:
            if not self._is_lite:
                raise
            # To describe it, Milvus Lite opens it, and that failed.
            raise damaged(name) from error
        found = record(description)
        if found is None:
            raise not_found(name)
        return found

    def forget(self, name: str) -> None:
        """Drop a collection, by any of its names, or an alias from the cache of specs."""
        for known, (_, spec) in list(self._specs.items()):
            if name in {known, spec.name}:
                del self._specs[known]

    async def names(self) -> list[str]:
        """Return the names of tihua's own collections, sorted."""
        ours = []
        for name in await self.all_names():
            try:
                await self.find(name)
            except (NotFound, CollectionDamaged):
                continue
            ours.append(name)
        return sorted(ours)

    async def all_names(self) -> list[str]:
        """Return the names of all collections, also of damaged ones and those of others."""
        if lite_server := self._lite_server:
            return await self._calls.call("", _list_collections, lite_server)
        names: list[str] = await self._calls.call("", self._client.list_collections)
        return names

    async def count(self, own_name: str, expression: str = "") -> int:
        """Return the exact number of a collection's items that match a rendered filter."""
        [row] = await self._calls.read(
            own_name,
            self._client.query,
            own_name,
            filter=expression,
            output_fields=["count(*)"],
            consistency_level="Strong",
        )
        return int(row["count(*)"])


def _list_collections(lite_server: LiteServer, *, timeout: float) -> list[str]:
    return lite_server.names()
