"""How collections get into Milvus' memory: their spec, their index, loading and releasing.

The property `tihua` of a collection (milvus_schema.py) says which index it should have. It is
written before the old index is dropped, so that `load` completes whatever was interrupted. Until
then the collection counts as loading.

A collection stays loaded until it is released. A Milvus server remembers that across restarts;
Milvus Lite does not, so a release is noted in the collection.
"""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pymilvus.client.types import LoadState

from tihua_server.collection import CollectionSpec, Index
from tihua_server.errors import (
    CollectionNotReady,
    InvalidInput,
    NotFound,
    ServiceError,
    StoreError,
    StoreUnavailable,
)
from tihua_server.milvus_connection import MilvusConnection
from tihua_server.milvus_embedded import EmbeddedMilvus
from tihua_server.milvus_errors import damaged, loading, not_found
from tihua_server.milvus_index import as_built, is_built, with_defaults
from tihua_server.milvus_schema import EMBEDDING, Record, indexed, record, released

LOAD_TIMEOUT_S = 600.0
"""Deadline of calls that read a whole collection: building its index, loading, flushing."""

SPEC_TTL_S = 5.0
"""How long a collection's spec is cached: another server may move an alias, or drop a collection
and create it again."""

RENAME_S = 0.1
"""How long a name may lead nowhere while its collection is renamed: it takes 10 ms on Milvus
2.3.5."""

T = TypeVar("T")


class MilvusLoading:
    """What is known of the collections of one Milvus, and how they get into its memory.

    Attributes:
        kind: what the Milvus is, for people.
        settle_s: see `VectorStore`.
    """

    def __init__(self, connection: MilvusConnection) -> None:
        self.kind = connection.kind
        # Nobody else caches names of an embedded store, and its calls run one after another.
        self.settle_s = 0.0 if connection.embedded else SPEC_TTL_S + connection.timeout_s
        self._connection = connection
        self._client = connection.client
        self._is_lite = connection.is_lite
        self._specs: dict[str, tuple[float, CollectionSpec]] = {}
        self._being_built: Counter[str] = Counter()
        self._build_lock = threading.Lock()

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
        """Return whether a collection that is not loaded yet will be by itself."""
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
            if not (embedded := self._connection.embedded):
                raise
            await self._call(name, _load_collection, embedded, name, timeout_s=LOAD_TIMEOUT_S)

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
        name, client, embedded = spec.name, self._client, self._connection.embedded
        built = client.describe_index(name, EMBEDDING, timeout=timeout)
        has_room = built is None or embedded is None or embedded.has_room()
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

    def _is_built(self, index: Index, description: Mapping[str, Any] | None) -> bool:
        return is_built(as_built(index, lite=self._is_lite), description)

    def _drop_index(self, name: str, *, timeout: float) -> None:
        # Milvus drops no index of a loaded collection.
        self._client.release_collection(name, timeout=timeout)
        self._client.drop_index(name, EMBEDDING, timeout=timeout)


def _load_collection(embedded: EmbeddedMilvus, name: str, *, timeout: float) -> None:
    embedded.load(name)
