"""How collections get into Milvus' memory: building their index, loading and releasing.

The property `tihua` of a collection (schema.py) says which index it should have. It is
written before the old index is dropped, so that `load` completes whatever was interrupted. Until
then the collection counts as loading.

A collection stays loaded until it is released. A Milvus server remembers that across restarts;
Milvus Lite does not, so a release is noted in the collection.
"""

import threading
from dataclasses import replace

from pymilvus.client.types import LoadState

from tihua_server.collection import CollectionSpec, Index
from tihua_server.errors import StoreError, StoreUnavailable
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.errors import loading
from tihua_server.milvus.index import as_built, with_defaults
from tihua_server.milvus.lite_server import LiteServer
from tihua_server.milvus.records import MilvusRecords
from tihua_server.milvus.schema import EMBEDDING, indexed, released

LOAD_TIMEOUT_S = 600.0
"""Deadline of calls that read a whole collection: building its index, loading, flushing."""


class MilvusLoading(MilvusRecords):
    """How the collections of one Milvus get into its memory."""

    def __init__(self, connection: MilvusConnection) -> None:
        super().__init__(connection)
        self._build_lock = threading.Lock()

    async def load(self, name: str) -> None:
        """Load a collection; its index is built if creating or replacing it was interrupted."""
        found = await self._record(name)
        await self._load(found.spec)
        if found.is_released:
            await self._note_release(name, is_released=False)

    async def _load(self, spec: CollectionSpec) -> None:
        name = spec.name
        try:
            await self._call(name, self._index_and_load, spec, timeout_s=LOAD_TIMEOUT_S)
        except StoreError:
            if not (lite_server := self._connection.lite_server):
                raise
            await self._call(name, _load_collection, lite_server, name, timeout_s=LOAD_TIMEOUT_S)

    async def build_index(self, name: str, index: Index | None) -> None:
        """Replace the index of a collection, or rebuild it if `index` is None, and load it."""
        found = await self._record(name)
        index = found.spec.index if index is None else with_defaults(index)
        spec = replace(found.spec, index=index)
        await self._connection.require_room()
        self._being_built[spec.name] += 1
        try:
            # One call, so that a caller who leaves does not leave it half done.
            await self._call(spec.name, self._replace_index, spec, timeout_s=LOAD_TIMEOUT_S)
        except StoreUnavailable as error:
            if await self._is_loading(spec.name):
                raise loading(spec.name) from error
            raise
        finally:
            self._being_built[spec.name] -= 1
            self._forget(spec.name)
        if found.is_released:
            await self._note_release(spec.name, is_released=False)

    def _replace_index(self, spec: CollectionSpec, *, timeout: float) -> None:
        name, client = spec.name, self._client
        with self._build_lock:
            state = client.get_load_state(name, timeout=timeout)["state"]
            built = client.describe_index(name, EMBEDDING, timeout=timeout)
            # A second call while it is being built waits for it, and does not start again.
            is_under_way = state is LoadState.Loading and self._is_built(spec.index, built)
            if not is_under_way:
                description = client.describe_collection(name, timeout=timeout)
                client.alter_collection_properties(
                    name, indexed(description, spec.index), timeout=timeout
                )
                if built is not None:
                    self._drop_index(name, timeout=timeout)
            self._index_and_load(spec, timeout=timeout)

    async def release(self, name: str) -> None:
        """Release a collection from memory; it stays released after a restart."""
        own = (await self._record(name)).spec.name
        await self._call(name, self._client.release_collection, own)
        if self._is_lite:
            await self._note_release(own, is_released=True)

    async def _note_release(self, name: str, *, is_released: bool) -> None:
        alter = self._client.alter_collection_properties
        await self._call(name, alter, name, released(is_released=is_released))

    def _index_and_load(self, spec: CollectionSpec, *, timeout: float) -> None:
        """Load a collection with the index that it should have, building it if it is missing.

        If the disk has no room for that, an existing index of another kind stays for now.
        """
        name, client, lite_server = spec.name, self._client, self._connection.lite_server
        built = client.describe_index(name, EMBEDDING, timeout=timeout)
        has_room = built is None or lite_server is None or lite_server.has_room()
        if has_room and not self._is_built(spec.index, built):
            if built is not None:
                self._drop_index(name, timeout=timeout)
            wanted = as_built(spec.index, lite=self._is_lite)
            index = client.prepare_index_params()
            # Milvus Lite drops parameters unless they are nested once more; Milvus takes both.
            index.add_index(
                EMBEDDING,
                index_type=wanted.type.value,
                metric_type="COSINE",
                params={"params": dict(wanted.params)},
            )
            client.create_index(name, index, sync=False, timeout=timeout)
        client.load_collection(name, timeout=timeout)

    def _drop_index(self, name: str, *, timeout: float) -> None:
        # Milvus drops no index of a loaded collection.
        self._client.release_collection(name, timeout=timeout)
        self._client.drop_index(name, EMBEDDING, timeout=timeout)


def _load_collection(lite_server: LiteServer, name: str, *, timeout: float) -> None:
    lite_server.load(name)
