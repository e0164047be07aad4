"""Creating, describing, listing and dropping collections in Milvus.

A collection is loaded when it is created. Milvus Lite forgets at a restart what was loaded, so
`open` loads all that were not released. Collections that tihua did not make are ignored, except
that their names are taken.
"""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import structlog
from pymilvus.client.types import LoadState as MilvusLoadState
from pymilvus.exceptions import MilvusException

from tihua_server.collection import Collection, CollectionSpec, LoadState
from tihua_server.errors import (
    CollectionDamaged,
    CollectionNotReady,
    NotFound,
    ServiceError,
    StoreFull,
    StoreUnavailable,
)
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.errors import already_exists, has_aliases, is_alias
from tihua_server.milvus.index import with_defaults
from tihua_server.milvus.lite_server import LiteServer
from tihua_server.milvus.loading import LOAD_TIMEOUT_S, MilvusLoading
from tihua_server.milvus.schema import EMBEDDING, properties, schema
from tihua_server.observer import Observer

_LOAD_STATES = {
    MilvusLoadState.Loaded: LoadState.LOADED,
    MilvusLoadState.Loading: LoadState.LOADING,
    MilvusLoadState.NotLoad: LoadState.RELEASED,
}
_log = structlog.get_logger("tihua")


class MilvusCollections(MilvusLoading):
    """The collections of one Milvus."""

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
            observer: notified of each call to Milvus.

        Raises:
            StoreUnavailable: Milvus does not answer, or another process has the directory open.
            ConfigError: the address has no scheme.
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
        for name in await self._all_names():
            try:
                found = await self._record(name)
                # After a kill, rows are still in Lite's log, and unflushed rows make searches slow.
                with contextlib.suppress(StoreFull):
                    await self._flush(name)
                built = await self._call(name, self._client.describe_index, name, EMBEDDING)
                if not found.is_released or not self._is_built(found.spec.index, built):
                    await self._load(found.spec)
                    if found.is_released:  # that stays noted, in case of a kill in between
                        await self._call(name, self._client.release_collection, name)
            except NotFound:
                continue  # not made by tihua
            except ServiceError as error:
                _log.warning("collection not loaded", collection=name, why=error.message)

    async def _flush(self, name: str) -> None:
        await self._connection.require_room()
        await self._call(name, self._client.flush, name, timeout_s=LOAD_TIMEOUT_S)

    async def create(self, spec: CollectionSpec) -> None:
        """Create a collection; index parameters that are not given take their defaults."""
        spec = replace(spec, index=with_defaults(spec.index))
        await self._require_free(spec.name)
        await self._connection.require_room()
        # One call, so that a caller who leaves does not leave half a collection behind.
        await self._call(spec.name, self._create_collection, spec, timeout_s=LOAD_TIMEOUT_S)

    def _create_collection(self, spec: CollectionSpec, *, timeout: float) -> None:
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

    async def _require_free(self, name: str) -> None:
        # Milvus Lite finds no collection where an alias leads nowhere.
        is_taken = await self._call(name, self._client.has_collection, name)
        if is_taken or await self._led_to(name):
            raise already_exists(name)

    async def _led_to(self, alias: str) -> str:
        """Return the collection of an alias, empty if there is no such alias."""
        try:
            found: dict[str, Any] = await self._call(alias, self._client.describe_alias, alias)
        except NotFound:
            return ""
        return str(found["collection_name"])

    async def describe(self, name: str) -> Collection:
        """Return one collection; the count of a released one is Milvus' own estimate."""
        found = await self._record(name)
        name = found.spec.name
        index = await self._call(name, self._client.describe_index, name, EMBEDDING)
        answer = await self._call(name, self._client.get_load_state, name)
        state = _LOAD_STATES.get(answer["state"], LoadState.RELEASED)
        if state is LoadState.RELEASED and not self._is_built(found.spec.index, index):
            state = LoadState.LOADING
        try:
            count = await self._count(name)
        except (CollectionNotReady, StoreUnavailable):
            if state is LoadState.LOADED:
                raise
            stats = await self._call(name, self._client.get_collection_stats, name)
            count = int(stats["row_count"])
        aliases = await self._aliases(name)
        return Collection(found.spec, count, state, found.create_time, aliases)

    async def _count(self, name: str, expression: str = "") -> int:
        """Return the exact number of items that match a rendered filter; `name` is no alias."""
        [row] = await self._read(
            name,
            self._client.query,
            name,
            filter=expression,
            output_fields=["count(*)"],
            consistency_level="Strong",
        )
        return int(row["count(*)"])

    async def names(self) -> list[str]:
        """Return the names of tihua's own collections, sorted."""
        ours = []
        for name in await self._all_names():
            try:
                await self._record(name)
            except (NotFound, CollectionDamaged):
                continue
            ours.append(name)
        return sorted(ours)

    async def _all_names(self) -> list[str]:
        if lite_server := self._connection.lite_server:
            return await self._call("", _list_collections, lite_server)
        names: list[str] = await self._call("", self._client.list_collections)
        return names

    async def drop(self, name: str) -> None:
        """Remove a collection and all its items."""
        await self._require_own_name(name)
        # One call, so that no alias is added meanwhile on Milvus Lite; a server refuses by itself.
        if aliases := await self._call(name, self._drop_collection, name):
            raise has_aliases(name, aliases)
        self._forget(name)

    def _drop_collection(self, name: str, *, timeout: float) -> list[str]:
        """Remove a collection unless it has aliases, which are returned, sorted."""
        aliases = sorted(self._client.list_aliases(name, timeout=timeout)["aliases"])
        if not aliases:
            self._client.drop_collection(name, timeout=timeout)
        return aliases

    async def _require_own_name(self, name: str) -> None:
        found = await self._record(name)
        if found.spec.name != name:
            raise is_alias(name, found.spec.name)

    async def _aliases(self, name: str) -> tuple[str, ...]:
        """Return the aliases of a collection, by its own name, sorted."""
        found = await self._call(name, self._client.list_aliases, name)
        return tuple(sorted(found["aliases"]))

    async def ping(self) -> None:
        """Return if Milvus answers and has room for more, else raise.

        After a restart it answers for seconds to minutes before its collections can be read again.
        So after it was in doubt, one of them must be readable too, if there are any.
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
        """Disconnect, flushing an embedded store; nothing may be called afterwards."""
        await self._connection.close()


def _list_collections(lite_server: LiteServer, *, timeout: float) -> list[str]:
    return lite_server.names()
