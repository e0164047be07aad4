"""Creating, describing and dropping collections in Milvus."""

from dataclasses import replace

from pymilvus.client.types import LoadState as MilvusLoadState
from pymilvus.exceptions import MilvusException

from tihua_server.collection import Collection, CollectionSpec, LoadState
from tihua_server.errors import CollectionNotReady, StoreUnavailable
from tihua_server.milvus.catalog import Catalog
from tihua_server.milvus.collection_calls import LOAD_TIMEOUT_S, CollectionCalls
from tihua_server.milvus.connection import MilvusConnection
from tihua_server.milvus.errors import has_aliases
from tihua_server.milvus.index import is_built, with_defaults
from tihua_server.milvus.index_builder import IndexBuilder
from tihua_server.milvus.naming import Naming
from tihua_server.milvus.schema import EMBEDDING, properties, schema

_LOAD_STATES = {
    MilvusLoadState.Loaded: LoadState.LOADED,
    MilvusLoadState.Loading: LoadState.LOADING,
    MilvusLoadState.NotLoad: LoadState.RELEASED,
}


class Collections:
    """The collections of one Milvus."""

    def __init__(
        self,
        connection: MilvusConnection,
        calls: CollectionCalls,
        catalog: Catalog,
        naming: Naming,
        builder: IndexBuilder,
    ) -> None:
        self._connection, self._client = connection, connection.client
        self._calls = calls
        self._catalog = catalog
        self._naming = naming
        self._builder = builder

    async def create(self, spec: CollectionSpec) -> None:
        """Create a collection; index parameters that are not given take their defaults."""
        spec = replace(spec, index=with_defaults(spec.index))
        await self._naming.require_free(spec.name)
        await self._connection.require_room()
        # One call, so that a caller who leaves does not leave half a collection behind.
        await self._calls.call(spec.name, self._create_collection, spec, timeout_s=LOAD_TIMEOUT_S)

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
            self._builder.index_and_load(spec, timeout=timeout)
        except MilvusException:
            self._client.drop_collection(spec.name, timeout=timeout)
            raise

    async def describe(self, name: str) -> Collection:
        """Return one collection; the count of a released one is Milvus' own estimate."""
        found = await self._catalog.find(name)
        name = found.spec.name
        index = await self._calls.call(name, self._client.describe_index, name, EMBEDDING)
        answer = await self._calls.call(name, self._client.get_load_state, name)
        state = _LOAD_STATES.get(answer["state"], LoadState.RELEASED)
        if state is LoadState.RELEASED and not is_built(
            found.spec.index, index, lite=self._connection.is_lite
        ):
            state = LoadState.LOADING
        try:
            count = await self._catalog.count(name)
        except (CollectionNotReady, StoreUnavailable):
            if state is LoadState.LOADED:
                raise
            stats = await self._calls.call(name, self._client.get_collection_stats, name)
            count = int(stats["row_count"])
        aliases = await self._naming.aliases(name)
        return Collection(found.spec, count, state, found.create_time, aliases)

    async def drop(self, name: str) -> None:
        """Remove a collection and all its items."""
        await self._naming.require_own(name)
        # One call, so that no alias is added meanwhile on Milvus Lite; a server refuses by itself.
        if aliases := await self._calls.call(name, self._drop_collection, name):
            raise has_aliases(name, aliases)
        self._catalog.forget(name)

    def _drop_collection(self, name: str, *, timeout: float) -> list[str]:
        """Remove a collection unless it has aliases, which are returned, sorted."""
        aliases = sorted(self._client.list_aliases(name, timeout=timeout)["aliases"])
        if not aliases:
            self._client.drop_collection(name, timeout=timeout)
        return aliases
