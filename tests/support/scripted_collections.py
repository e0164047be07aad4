"""The CollectionService of a small tihua server in memory."""

# ruff: noqa: N802 - the names of methods are the contract's

import threading

import grpc
from grpc_status import rpc_status
from refusals import refusal
from scripted_memory import DIM, MODEL, Memory
from tihua.v1 import collection_service_pb2 as collections
from tihua.v1 import collection_service_pb2_grpc


class Collections(collection_service_pb2_grpc.CollectionServiceServicer):
    """Keeps items in a dict, the same for all collections."""

    def __init__(self, memory: Memory) -> None:
        """Share the memory."""
        self.memory = memory

    def _collection(self, name: str, context: grpc.ServicerContext) -> collections.Collection:
        for each in self.memory.collections.values():
            if name in each.aliases:
                name = each.name
        if name not in self.memory.collections:
            context.abort_with_status(
                rpc_status.to_status(
                    refusal(
                        grpc.StatusCode.NOT_FOUND,
                        f"there is no collection {name!r}",
                        reason="NOT_FOUND",
                        metadata={"collection": name},
                    )
                )
            )
        collection = self.memory.collections[name]
        collection.item_count = len(self.memory.items)
        return collection

    def CreateCollection(
        self, request: collections.CreateCollectionRequest, context: grpc.ServicerContext
    ) -> collections.CreateCollectionResponse:
        """Remember a collection."""
        if request.name in self.memory.collections:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{request.name!r} is taken")
        collection = collections.Collection(
            name=request.name, description=request.description, model=MODEL, dim=DIM,
            index=request.index, shards=request.shards, load_state=collections.LOAD_STATE_LOADED,
        )  # fmt: skip
        self.memory.collections[request.name] = collection
        return collections.CreateCollectionResponse(collection=collection)

    def GetCollection(
        self, request: collections.GetCollectionRequest, context: grpc.ServicerContext
    ) -> collections.GetCollectionResponse:
        """Return one, once there are no refusals left."""
        if self.memory.lookup_refusals:
            context.abort_with_status(rpc_status.to_status(self.memory.lookup_refusals.pop(0)))
        return collections.GetCollectionResponse(collection=self._collection(request.name, context))

    def ListCollections(
        self, request: collections.ListCollectionsRequest, context: grpc.ServicerContext
    ) -> collections.ListCollectionsResponse:
        """Return all, unless the store is away."""
        if self.memory.is_away:
            status = refusal(grpc.StatusCode.UNAVAILABLE, "the store does not answer")
            context.abort_with_status(rpc_status.to_status(status))
        names = sorted(self.memory.collections)
        return collections.ListCollectionsResponse(
            collections=[self._collection(name, context) for name in names]
        )

    def DeleteCollection(
        self, request: collections.DeleteCollectionRequest, context: grpc.ServicerContext
    ) -> collections.DeleteCollectionResponse:
        """Forget one."""
        self._collection(request.name, context)
        del self.memory.collections[request.name]
        return collections.DeleteCollectionResponse()

    def RenameCollection(
        self, request: collections.RenameCollectionRequest, context: grpc.ServicerContext
    ) -> collections.RenameCollectionResponse:
        """Move one to another name."""
        self._collection(request.name, context).name = request.new_name
        self.memory.collections[request.new_name] = self.memory.collections.pop(request.name)
        return collections.RenameCollectionResponse()

    def SetAlias(
        self, request: collections.SetAliasRequest, context: grpc.ServicerContext
    ) -> collections.SetAliasResponse:
        """Point an alias to a collection, removing it from the previous one."""
        target = self._collection(request.collection, context)
        response = collections.SetAliasResponse()
        for collection in self.memory.collections.values():
            if request.alias in collection.aliases:
                collection.aliases.remove(request.alias)
                response.previous_collection = collection.name
        target.aliases.append(request.alias)
        return response

    def DeleteAlias(
        self, request: collections.DeleteAliasRequest, context: grpc.ServicerContext
    ) -> collections.DeleteAliasResponse:
        """Remove an alias."""
        self._collection(request.alias, context).aliases.remove(request.alias)
        return collections.DeleteAliasResponse()

    def LoadCollection(
        self, request: collections.LoadCollectionRequest, context: grpc.ServicerContext
    ) -> collections.LoadCollectionResponse:
        """Mark one loaded."""
        self._collection(request.name, context).load_state = collections.LOAD_STATE_LOADED
        return collections.LoadCollectionResponse()

    def BuildIndex(
        self, request: collections.BuildIndexRequest, context: grpc.ServicerContext
    ) -> collections.BuildIndexResponse:
        """Replace the index, if the request has one, once there are no refusals left.

        If `lost_builds` has an entry, the answer is lost, and the entry refuses the next lookups.
        """
        self.memory.calls.append(f"build {request.name}")
        if self.memory.build_refusals:
            context.abort_with_status(rpc_status.to_status(self.memory.build_refusals.pop(0)))
        if self.memory.builds_forever:
            is_over = threading.Event()
            if context.add_callback(is_over.set):
                is_over.wait()
        collection = self._collection(request.name, context)
        if request.HasField("index"):
            collection.index.CopyFrom(request.index)
        collection.load_state = collections.LOAD_STATE_LOADED
        if self.memory.lost_builds:
            self.memory.lookup_refusals = self.memory.lost_builds.pop(0)
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")  # without a reason
        return collections.BuildIndexResponse(collection=collection)

    def ReleaseCollection(
        self, request: collections.ReleaseCollectionRequest, context: grpc.ServicerContext
    ) -> collections.ReleaseCollectionResponse:
        """Mark one released."""
        self._collection(request.name, context).load_state = collections.LOAD_STATE_RELEASED
        return collections.ReleaseCollectionResponse()

    def UpsertItems(
        self, request: collections.UpsertItemsRequest, context: grpc.ServicerContext
    ) -> collections.UpsertItemsResponse:
        """Store items."""
        self._collection(request.collection, context)
        results = [self.memory.put(item, index) for index, item in enumerate(request.items)]
        errors = [result for result in results if result is not None]
        return collections.UpsertItemsResponse(
            items_written=len(results) - len(errors), errors=errors, model=MODEL
        )

    def GetItems(
        self, request: collections.GetItemsRequest, context: grpc.ServicerContext
    ) -> collections.GetItemsResponse:
        """Return items by id, once there are no refusals left."""
        if self.memory.get_refusals:
            context.abort_with_status(rpc_status.to_status(self.memory.get_refusals.pop(0)))
        self._collection(request.collection, context)
        self.memory.reads.append("GetItems")
        known = self.memory.items
        return collections.GetItemsResponse(
            items=[known[item_id] for item_id in request.ids if item_id in known],
            missing_ids=[item_id for item_id in request.ids if item_id not in known],
        )

    def ListItems(
        self, request: collections.ListItemsRequest, context: grpc.ServicerContext
    ) -> collections.ListItemsResponse:
        """Return items, two per page."""
        self.memory.page_sizes.append(request.limit)
        ids = [item_id for item_id in sorted(self.memory.items) if item_id > request.page_token]
        page = [self.memory.items[item_id] for item_id in ids[:2]]
        token = page[-1].id if len(ids) > len(page) else ""
        return collections.ListItemsResponse(items=page, next_page_token=token)

    def CountItems(
        self, request: collections.CountItemsRequest, context: grpc.ServicerContext
    ) -> collections.CountItemsResponse:
        """Count all, whatever the filter."""
        return collections.CountItemsResponse(count=len(self.memory.items))

    def DeleteItems(
        self, request: collections.DeleteItemsRequest, context: grpc.ServicerContext
    ) -> collections.DeleteItemsResponse:
        """Remove items by id; any filter removes all."""
        ids = list(request.ids) or list(self.memory.items)
        deleted = [self.memory.items.pop(item_id, None) for item_id in ids]
        count = sum(item is not None for item in deleted)
        return collections.DeleteItemsResponse(deleted_count=count)
