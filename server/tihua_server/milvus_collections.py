"""Collections in Milvus: made, listed, loaded, released, dropped.

A collection is loaded when it is created, and stays so until it is released. A Milvus server
remembers that over a restart. Milvus Lite does not, so a release is noted in the collection, and
`open` loads all others. Collections that tihua did not make are as good as not there, except that
their names are taken.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pymilvus.exceptions import MilvusException

from tihua_server.errors import NotFound, ServiceError, StoreError, StoreFull, StoreUnavailable
from tihua_server.milvus_connection import MilvusConnection
from tihua_server.milvus_errors import already_exists, has_aliases, is_alias, not_found
from tihua_server.milvus_index import with_defaults
from tihua_server.milvus_schema import EMBEDDING, Record, properties, record, released, schema
from tihua_server.observer import Observer
from tihua_server.types import CollectionSpec

LOAD_TIMEOUT_S = 600.0
"""Deadline of what reads a whole collection: building its index, loading it, flushing it."""

SPEC_TTL_S = 5.0
"""How long a collection's spec is believed: another server may move an alias, or drop a collection
and make it anew."""

RENAME_S = 0.1
"""For so long a name may be of nothing while its collection is renamed: 10 ms on Milvus 2.3.5."""

_log = logging.getLogger(__name__)


class MilvusCollections:
    """The collections of one Milvus.

    Attributes:
        kind: what the Milvus is, for people.
        settle_s: see `VectorStore`.
    """

    def __init__(self, connection: MilvusConnection) -> None:
        self.kind = connection.kind
        # Of an embedded store nobody else believes anything, and its calls are made in their order.
        self.settle_s = 0.0 if connection.embedded else SPEC_TTL_S + connection.timeout_s
        self._connection = connection
        self._client = connection.client
        self._call = connection.call
        self._read = connection.read
        self._is_lite = connection.is_lite
        self._specs: dict[str, tuple[float, CollectionSpec]] = {}

    @classmethod
    async def open(
        cls,
        target: str | Path,
        *,
        token: str = "",
        timeout_s: float = 10.0,
        observer: Observer | None = None,
    ) -> Self:
        """Connect to a Milvus, or open an embedded one.

        Args:
            target: the address of a Milvus, `http://host:19530` (or https, tcp, unix); or, as a
                `Path`, a directory for Milvus Lite, which is made if it is missing.
            token: `user:password` or an API key.
            timeout_s: deadline of a call, in seconds; building and loading have longer.
            observer: hears of each call to Milvus.

        Raises:
            StoreUnavailable: Milvus does not answer, or another process has the directory open.
            InvalidInput: the address has no scheme.
        """
        connection = await MilvusConnection.open(
            target, token=token, timeout_s=timeout_s, observer=observer or Observer()
        )
        store = cls(connection)
        if store._is_lite:
            try:
                await store._wake()
            except BaseException:
                await store.close()
                raise
        return store

    async def _wake(self) -> None:
        for name in await self.names():
            try:
                # After a kill, rows lie in Lite's log: unflushed ones make searches slow.
                with contextlib.suppress(StoreFull):
                    await self._flush(name)
                if not (await self._record(name)).is_released:
                    await self.load(name)
            except ServiceError as error:
                _log.warning("collection %s could not be loaded: %s", name, error.message)

    async def _flush(self, name: str) -> None:
        await self._connection.require_room()
        await self._call(name, self._client.flush, name, timeout_s=LOAD_TIMEOUT_S)

    async def create(self, spec: CollectionSpec) -> None:
        """Create a collection; index parameters that are not given take their defaults."""
        spec = replace(spec, index=with_defaults(spec.index))
        if await self._call(spec.name, self._client.has_collection, spec.name):
            raise already_exists(spec.name)
        await self._connection.require_room()
        # One call, so that a caller who leaves does not leave half a collection behind.
        await self._call(spec.name, self._create, spec, timeout_s=LOAD_TIMEOUT_S)

    def _create(self, spec: CollectionSpec, *, timeout: float) -> None:
        self._client.create_collection(
            spec.name,
            schema=schema(spec),
            num_shards=spec.shards,
            consistency_level="Strong",
            properties=properties(spec),
            timeout=timeout,
        )
        try:
            self._index_and_load(spec, timeout=timeout)
        except MilvusException:
            self._client.drop_collection(spec.name, timeout=timeout)
            raise

    def _index_and_load(self, spec: CollectionSpec, *, timeout: float) -> None:
        if self._client.describe_index(spec.name, EMBEDDING, timeout=timeout) is None:
            index = self._client.prepare_index_params()
            # Milvus Lite drops parameters unless they are nested once more; Milvus takes both.
            index.add_index(
                EMBEDDING,
                index_type=spec.index.type.value,
                metric_type="COSINE",
                params={"params": dict(spec.index.params)},
            )
            self._client.create_index(spec.name, index, sync=False, timeout=timeout)
        self._client.load_collection(spec.name, timeout=timeout)

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return what a collection was created with, as known within the last 5 s, or now."""
        if name in self._specs and not is_fresh:
            read_at, spec = self._specs[name]
            if time.monotonic() - read_at < SPEC_TTL_S:
                return spec
        return (await self._record(name)).spec

    async def _own_name(self, name: str) -> str:
        """Return the name of the collection that a name or an alias stands for."""
        return (await self.spec(name)).name

    async def names(self) -> list[str]:
        """Return the names of tihua's own collections, sorted."""
        ours = []
        for name in await self._call("", self._client.list_collections):
            try:
                await self._record(name)
            except NotFound:
                continue
            ours.append(name)
        return sorted(ours)

    async def drop(self, name: str) -> None:
        """Remove a collection and all its items."""
        await self._require_own_name(name)
        if aliases := await self._aliases(name):
            raise has_aliases(name, aliases)
        await self._call(name, self._client.drop_collection, name)
        self._specs.pop(name, None)

    async def _require_own_name(self, name: str) -> None:
        found = await self._record(name)
        if found.spec.name != name:
            raise is_alias(name, found.spec.name)

    async def _aliases(self, name: str) -> tuple[str, ...]:
        """Return the aliases of a collection, by its own name, sorted."""
        found = await self._call(name, self._client.list_aliases, name)
        return tuple(sorted(found["aliases"]))

    async def load(self, name: str) -> None:
        """Load a collection; its index is built if creating it was cut short."""
        found = await self._record(name)
        try:
            await self._call(name, self._index_and_load, found.spec, timeout_s=LOAD_TIMEOUT_S)
        except StoreError:
            if not (embedded := self._connection.embedded):
                raise
            await self._call(name, lambda timeout: embedded.load(name), timeout_s=LOAD_TIMEOUT_S)
        if found.is_released:
            await self._note_release(name, is_released=False)

    async def release(self, name: str) -> None:
        """Release a collection from memory, and keep it so over a restart."""
        own = (await self._record(name)).spec.name
        await self._call(name, self._client.release_collection, own)
        if self._is_lite:
            await self._note_release(own, is_released=True)

    async def _note_release(self, name: str, *, is_released: bool) -> None:
        alter = self._client.alter_collection_properties
        await self._call(name, alter, name, released(is_released=is_released))

    async def _record(self, name: str, index: Mapping[str, Any] | None = None) -> Record:
        if not name:  # which pymilvus refuses by itself, as a mistake of ours
            raise not_found(name)
        try:
            found = await self._described(name, index)
        except NotFound:
            if name not in self._specs:
                raise
            # It was there a moment ago, and may be on its way to another name.
            await asyncio.sleep(RENAME_S)
            try:
                found = await self._described(name, index)
            except NotFound:
                self._specs.pop(name, None)
                raise
        self._specs[name] = (time.monotonic(), found.spec)
        return found

    async def _described(self, name: str, index: Mapping[str, Any] | None) -> Record:
        description = await self._read(name, self._client.describe_collection, name)
        found = record(description, index)
        if found is None:
            raise not_found(name)
        return found

    async def ping(self) -> None:
        """Return when Milvus answers, and has room for more.

        After a restart it answers for seconds to minutes before its collections can be read again;
        that is waited for until one of them can, or there is none.
        """
        await self._connection.ping()
        await self._connection.require_room()
        if self._connection.is_in_doubt:
            await self._require_one_readable()
            self._connection.is_in_doubt = False

    async def _require_one_readable(self) -> None:
        error: StoreUnavailable | None = None
        for name in await self.names():
            try:
                await self._call(
                    name, self._client.query, name, filter="", limit=1, output_fields=["id"]
                )
            except StoreUnavailable as found:
                error = found
            except ServiceError:
                continue  # released, or dropped a moment ago
            else:
                return
        if error is not None:
            raise error

    async def close(self) -> None:
        """Let go of the store, flushed; nothing can be called after it."""
        await self._connection.close()
