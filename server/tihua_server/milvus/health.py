"""Whether Milvus can be used, as the health service asks every few seconds."""

from tihua_server.errors import ServiceError, StoreUnavailable
from tihua_server.milvus.catalog import Catalog
from tihua_server.milvus.collection_calls import CollectionCalls
from tihua_server.milvus.connection import MilvusConnection


class Health:
    """Looks whether one Milvus answers, has room, and can read its collections."""

    def __init__(
        self, connection: MilvusConnection, calls: CollectionCalls, catalog: Catalog
    ) -> None:
        self._connection = connection
        self._calls = calls
        self._catalog = catalog

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
        query = self._connection.client.query
        error: StoreUnavailable | None = None
        for name in await self._catalog.names():
            try:
                await self._calls.call(name, query, name, filter="", limit=1, output_fields=["id"])
            except StoreUnavailable as found:
                error = found
            except ServiceError:
                continue  # released, or dropped a moment ago
            else:
                return
        if error is not None:
            raise error
