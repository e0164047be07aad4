"""The methods of `AsyncClient` about collections."""

from collections.abc import Mapping

from tihua import _convert, _convert_server
from tihua._async_connection import AsyncConnection
from tihua._server_types import AliasMove, Collection, IndexName
from tihua.v1 import collection_service_pb2


class AsyncCollectionMethods:
    """A part of `AsyncClient`."""

    _connection: AsyncConnection

    async def create_collection(
        self,
        name: str | None = None,
        *,
        index: IndexName = "AUTOINDEX",
        index_params: Mapping[str, int] | None = None,
        shards: int = 1,
        description: str = "",
        model: str = "",
        timeout: float | None = None,
    ) -> Collection:
        """Create an empty collection for a model and return it, ready for searching.

        Arguments and errors are those of `Client.create_collection`.
        """
        request = _convert_server.create_collection_request(
            self._connection.name(name),
            index=index,
            index_params=index_params,
            shards=shards,
            description=description,
            model=model,
        )
        response = await self._connection.call(
            self._connection.collections.CreateCollection, request, timeout
        )
        return _convert_server.collection(response.collection)

    async def get_collection(
        self, name: str | None = None, *, timeout: float | None = None
    ) -> Collection:
        """Return a collection with its exact item count.

        Arguments and errors are those of `Client.get_collection`.
        """
        request = collection_service_pb2.GetCollectionRequest(name=self._connection.name(name))
        response = await self._connection.call(
            self._connection.collections.GetCollection, request, timeout
        )
        return _convert_server.collection(response.collection)

    async def list_collections(self, *, timeout: float | None = None) -> list[Collection]:
        """Return all collections, sorted by name; `timeout` is for each page of them."""
        found = []
        request = collection_service_pb2.ListCollectionsRequest()
        while True:
            response = await self._connection.call(
                self._connection.collections.ListCollections, request, timeout
            )
            found += [_convert_server.collection(message) for message in response.collections]
            if not response.next_page_token:
                return found
            request.page_token = response.next_page_token

    async def delete_collection(self, name: str, *, timeout: float | None = None) -> None:
        """Delete a collection and all its items; this can't be undone.

        Arguments and errors are those of `Client.delete_collection`.
        """
        request = collection_service_pb2.DeleteCollectionRequest(
            name=_convert.checked_text(name, "name")
        )
        await self._connection.call(self._connection.collections.DeleteCollection, request, timeout)

    async def rename_collection(
        self,
        name: str,
        new_name: str,
        *,
        keep_alias: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Give a collection another name; its items and aliases stay.

        Arguments and errors are those of `Client.rename_collection`.
        """
        request = collection_service_pb2.RenameCollectionRequest(
            name=_convert.checked_text(name, "name"),
            new_name=_convert.checked_text(new_name, "new_name"),
            keep_alias=keep_alias,
        )
        await self._connection.call(self._connection.collections.RenameCollection, request, timeout)

    async def set_alias(
        self, alias: str, collection: str, *, timeout: float | None = None
    ) -> AliasMove:
        """Make an alias of a collection, or point one to another collection in one step.

        Arguments and errors are those of `Client.set_alias`.
        """
        request = collection_service_pb2.SetAliasRequest(
            alias=_convert.checked_text(alias, "alias"),
            collection=_convert.checked_text(collection, "collection"),
        )
        response = await self._connection.call(
            self._connection.collections.SetAlias, request, timeout
        )
        return _convert_server.alias_move(response)

    async def delete_alias(self, alias: str, *, timeout: float | None = None) -> None:
        """Remove an alias; the collection stays.

        Arguments and errors are those of `Client.delete_alias`.
        """
        request = collection_service_pb2.DeleteAliasRequest(
            alias=_convert.checked_text(alias, "alias")
        )
        await self._connection.call(self._connection.collections.DeleteAlias, request, timeout)

    async def load_collection(
        self, name: str | None = None, *, timeout: float | None = None
    ) -> None:
        """Load a collection into the store's memory; return when it can be searched.

        Arguments and errors are those of `Client.load_collection`.
        """
        request = collection_service_pb2.LoadCollectionRequest(name=self._connection.name(name))
        await self._connection.call(self._connection.collections.LoadCollection, request, timeout)

    async def build_index(
        self,
        name: str | None = None,
        *,
        index: IndexName | None = None,
        index_params: Mapping[str, int] | None = None,
        timeout: float | None = None,
    ) -> Collection:
        """Replace or rebuild the index of a collection; return when it can be searched.

        Arguments and errors are those of `Client.build_index`.
        """
        request = _convert_server.build_index_request(
            self._connection.name(name), index=index, index_params=index_params
        )
        response = await self._connection.call(
            self._connection.collections.BuildIndex, request, timeout
        )
        return _convert_server.collection(response.collection)

    async def release_collection(
        self, name: str | None = None, *, timeout: float | None = None
    ) -> None:
        """Release a collection from the store's memory; it cannot be searched until loaded again.

        Arguments and errors are those of `Client.release_collection`.
        """
        request = collection_service_pb2.ReleaseCollectionRequest(name=self._connection.name(name))
        await self._connection.call(
            self._connection.collections.ReleaseCollection, request, timeout
        )
