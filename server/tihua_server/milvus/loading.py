"""How collections get into Milvus' memory: loading, rebuilding their index, and releasing.

`load` completes the building of an index that was interrupted (index_builder.py). Until then the
collection counts as loading.

A collection stays loaded until it is released. A Milvus server remembers that across restarts;
Milvus Lite does not, so a release is noted in the collection, and `wake` loads the others.
"""

import contextlib
from dataclasses import replace

import structlog

from tihua_server.collection import CollectionSpec, Index
from tihua_server.errors import NotFound, ServiceError, StoreError, StoreFull
from tihua_server.milvus.catalog import Catalog
from tihua_server.milvus.collection_calls import LOAD_TIMEOUT_S, CollectionCalls
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.index import is_built, with_defaults
from tihua_server.milvus.index_builder import IndexBuilder
from tihua_server.milvus.lite_server import LiteServer
from tihua_server.milvus.schema import EMBEDDING, released

_log = structlog.get_logger("tihua")


class Loading:
    """Loads and releases the collections of one Milvus."""

    def __init__(
        self,
        connection: MilvusConnection,
        calls: CollectionCalls,
        catalog: Catalog,
        builder: IndexBuilder,
    ) -> None:
        self._connection, self._client = connection, connection.client
        self._calls = calls
        self._catalog = catalog
        self._builder = builder

    async def wake(self) -> None:
        """Load the collections of a Milvus Lite that was just started, except released ones."""
        for name in await self._catalog.all_names():
            try:
                found = await self._catalog.find(name)
                # After a kill, rows are still in Lite's log, and unflushed rows make searches slow.
                with contextlib.suppress(StoreFull):
                    await self.flush(name)
                built = await self._calls.call(name, self._client.describe_index, name, EMBEDDING)
                if not found.is_released or not is_built(found.spec.index, built, lite=True):
                    await self._load(found.spec)
                    if found.is_released:  # that stays noted, in case of a kill in between
                        await self._calls.call(name, self._client.release_collection, name)
            except NotFound:
                continue  # not made by tihua
            except ServiceError as error:
                _log.warning("collection not loaded", collection=name, why=error.message)

    async def flush(self, name: str) -> None:
        """Write a collection's rows from Milvus' log to its files, where searches are fast.

        Raises:
            StoreFull: the disk of an embedded Milvus has no room for that.
        """
        await self._connection.require_room()
        await self._calls.call(name, self._client.flush, name, timeout_s=LOAD_TIMEOUT_S)

    async def load(self, name: str) -> None:
        """Load a collection; its index is built if creating or replacing it was interrupted."""
        found = await self._catalog.find(name)
        await self._load(found.spec)
        if found.is_released:
            await self._note_release(name, is_released=False)

    async def _load(self, spec: CollectionSpec) -> None:
        name, build = spec.name, self._builder.index_and_load
        try:
            await self._calls.call(name, build, spec, timeout_s=LOAD_TIMEOUT_S)
        except StoreError:
            if not (lite_server := self._connection.lite_server):
                raise
            await self._calls.call(
                name, _load_collection, lite_server, name, timeout_s=LOAD_TIMEOUT_S
            )

    async def build_index(self, name: str, index: Index | None) -> None:
        """Replace the index of a collection, or rebuild it if `index` is None, and load it."""
        found = await self._catalog.find(name)
        index = found.spec.index if index is None else with_defaults(index)
        spec = replace(found.spec, index=index)
        await self._connection.require_room()
        build = self._builder.replace_index
        try:
            async with self._calls.building(spec.name):
                await self._calls.call(spec.name, build, spec, timeout_s=LOAD_TIMEOUT_S)
        finally:
            self._catalog.forget(spec.name)
        if found.is_released:
            await self._note_release(spec.name, is_released=False)

    async def release(self, name: str) -> None:
        """Release a collection from memory; it stays released after a restart."""
        own = (await self._catalog.find(name)).spec.name
        await self._calls.call(name, self._client.release_collection, own)
        if self._connection.is_lite:
            await self._note_release(own, is_released=True)

    async def _note_release(self, name: str, *, is_released: bool) -> None:
        alter = self._client.alter_collection_properties
        await self._calls.call(name, alter, name, released(is_released=is_released))


def _load_collection(lite_server: LiteServer, name: str, *, timeout: float) -> None:
    lite_server.load(name)
