"""The methods of `Client` about collections."""

from collections.abc import Mapping

from tihua import _convert, _convert_server
from tihua._connection import Connection
from tihua._server_types import AliasMove, Collection, IndexName
from tihua.v1 import collection_service_pb2


class CollectionMethods:
    """A part of `Client`, whose docstring says what all methods have in common."""

    _connection: Connection

    def create_collection(
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

        Args:
            name: letters, digits and underscores, not starting with a digit; 1 to 255.
            index: the type of its index.
            index_params: "nlist" (IVF_FLAT), or "M" and "efConstruction" (HNSW).
            shards: 1 to 16; Milvus Lite always has one.
            description: one line for people, at most 1 024 characters.
            model: the id of the model to bind it to; empty means the first that the server serves.
            timeout: limit of the call, in seconds.

        Raises:
            AlreadyExistsError: the name is taken.
            NotFoundError: the server does not serve the model.
        """
        request = _convert_server.create_collection_request(
            self._connection.name(name),
            index=index,
            index_params=index_params,
            shards=shards,
            description=description,
            model=model,
        )
        response = self._connection.call(
            self._connection.collections.CreateCollection, request, timeout
        )
        return _convert_server.collection(response.collection)

    def get_collection(
        self, name: str | None = None, *, timeout: float | None = None
    ) -> Collection:
        """Return a collection with its exact item count.

        Raises:
            NotFoundError: there is no such collection.
        """
        request = collection_service_pb2.GetCollectionRequest(name=self._connection.name(name))
        response = self._connection.call(
            self._connection.collections.GetCollection, request, timeout
        )
        return _convert_server.collection(response.collection)

    def list_collections(self, *, timeout: float | None = None) -> list[Collection]:
        """Return all collections, sorted by name; `timeout` is for each page of them."""
        found = []
        request = collection_service_pb2.ListCollectionsRequest()
        while True:
            response = self._connection.call(
                self._connection.collections.ListCollections, request, timeout
            )
            found += [_convert_server.collection(message) for message in response.collections]
            if not response.next_page_token:
                return found
            request.page_token = response.next_page_token

    def delete_collection(self, name: str, *, timeout: float | None = None) -> None:
        """Delete a collection and all its items; this can't be undone.

        Raises:
            NotFoundError: there is no such collection.
            FailedPreconditionError: it has aliases, or the name is an alias.
        """
        request = collection_service_pb2.DeleteCollectionRequest(
            name=_convert.checked_text(name, "name")
        )
        self._connection.call(self._connection.collections.DeleteCollection, request, timeout)

    def rename_collection(
        self,
        name: str,
        new_name: str,
        *,
        keep_alias: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Give a collection another name; its items and aliases stay.

        Args:
            name: its own name, not an alias.
            new_name: as for `create_collection`.
            keep_alias: whether to keep the old name as an alias of the collection. On a Milvus
                server it resolves to nothing for some 10 ms in between; searches wait for it.
            timeout: limit of the call, in seconds.

        Raises:
            NotFoundError: there is no such collection.
            AlreadyExistsError: the new name is taken.
            FailedPreconditionError: the name is an alias.
        """
        request = collection_service_pb2.RenameCollectionRequest(
            name=_convert.checked_text(name, "name"),
            new_name=_convert.checked_text(new_name, "new_name"),
            keep_alias=keep_alias,
        )
        self._connection.call(self._connection.collections.RenameCollection, request, timeout)

    def set_alias(self, alias: str, collection: str, *, timeout: float | None = None) -> AliasMove:
        """Make an alias of a collection, or point one to another collection in one step.

        An alias can be given wherever the name of a collection can.

        Args:
            alias: with the same rules as the name of a collection; no collection may have it.
            collection: the collection to point it to, or another alias of that.
            timeout: limit of the call, in seconds.

        Raises:
            NotFoundError: there is no such collection.
            AlreadyExistsError: a collection has that name.
        """
        request = collection_service_pb2.SetAliasRequest(
            alias=_convert.checked_text(alias, "alias"),
            collection=_convert.checked_text(collection, "collection"),
        )
        response = self._connection.call(self._connection.collections.SetAlias, request, timeout)
        return _convert_server.alias_move(response)

    def delete_alias(self, alias: str, *, timeout: float | None = None) -> None:
        """Remove an alias; the collection stays.

        Raises:
            NotFoundError: there is no such alias.
        """
        request = collection_service_pb2.DeleteAliasRequest(
            alias=_convert.checked_text(alias, "alias")
        )
        self._connection.call(self._connection.collections.DeleteAlias, request, timeout)

    def load_collection(self, name: str | None = None, *, timeout: float | None = None) -> None:
        """Load a collection into the store's memory; return when it can be searched.

        Raises:
            NotFoundError: there is no such collection.
        """
        request = collection_service_pb2.LoadCollectionRequest(name=self._connection.name(name))
        self._connection.call(self._connection.collections.LoadCollection, request, timeout)

    def build_index(
        self,
        name: str | None = None,
        *,
        index: IndexName | None = None,
        index_params: Mapping[str, int] | None = None,
        timeout: float | None = None,
    ) -> Collection:
        """Replace or rebuild the index of a collection; return when it can be searched.

        Meanwhile the collection is loading: items can be written, but not read. The work continues
        after `timeout`; the same call then waits for it, and `get_collection` shows when it is
        done.

        Args:
            name: the collection.
            index: as for `create_collection`; None keeps the current type.
            index_params: as for `create_collection`.
            timeout: limit of the call, in seconds; a million items may take minutes.

        Raises:
            NotFoundError: there is no such collection.
            UnavailableError: also when it takes longer than the ten minutes that the server waits
                for it (reason `COLLECTION_LOADING`). The call is not retried after a break: if
                only the answer was lost, the index would be built again.
        """
        request = _convert_server.build_index_request(
            self._connection.name(name), index=index, index_params=index_params
        )
        response = self._connection.call(self._connection.collections.BuildIndex, request, timeout)
        return _convert_server.collection(response.collection)

    def release_collection(self, name: str | None = None, *, timeout: float | None = None) -> None:
        """Release a collection from the store's memory; it cannot be searched until loaded again.

        Raises:
            NotFoundError: there is no such collection.
        """
        request = collection_service_pb2.ReleaseCollectionRequest(name=self._connection.name(name))
        self._connection.call(self._connection.collections.ReleaseCollection, request, timeout)
