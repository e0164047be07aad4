"""CollectionService over gRPC."""

import asyncio
from dataclasses import replace
from time import perf_counter

from google.protobuf import duration_pb2
from tihua.v1 import collection_service_pb2 as pb
from tihua.v1 import collection_service_pb2_grpc as rpc

from tihua_server.collection import Collection, CollectionSpec
from tihua_server.config import Limits
from tihua_server.errors import InvalidInput, NotFound
from tihua_server.ingest.writer import Writer
from tihua_server.pages import collection_of_pages
from tihua_server.rpc.answers import fill_item, from_collection, from_ref, from_stages
from tihua_server.rpc.call import Context
from tihua_server.rpc.filling import MessageRoom, fill_all, fill_some
from tihua_server.rpc.item_requests import check_ids_or_filter, to_draft, to_fields, to_filter
from tihua_server.rpc.page_token import (
    decode_list_token,
    decode_page_token,
    encode_list_token,
    encode_page_token,
    request_digest,
)
from tihua_server.rpc.requests import (
    bounded_int,
    check_batch,
    check_collection_name,
    possible_ids,
    to_index,
    to_shards,
)
from tihua_server.rpc.status import item_error
from tihua_server.served_models import ServedModels
from tihua_server.together import together
from tihua_server.turns import in_turns
from tihua_server.vector_store import VectorStore

DEFAULT_LIMIT = 100
"""Items or collections in an answer unless the request sets `limit`."""

DESCRIBED_AT_ONCE = 4
"""Collections of one answer that are described at one time. Each takes several requests to the
store, one of them a count: of hundreds at once the last would fail, and searches would wait."""

MAX_DESCRIPTION_CHARS = 1_024
"""Longest description of a collection."""


class CollectionService(rpc.CollectionServiceServicer):
    """Serves collections, and small sets of items."""

    def __init__(
        self, models: ServedModels, store: VectorStore, writer: Writer, limits: Limits
    ) -> None:
        """Serve what is in `store`, within `limits`; `writer` embeds and writes items there."""
        self._models = models
        self._store = store
        self._writer = writer
        self._limits = limits

    async def CreateCollection(
        self, request: pb.CreateCollectionRequest, context: Context
    ) -> pb.CreateCollectionResponse:
        """Create a collection bound to a model."""
        model = self._models.named(request.model).model
        check_collection_name(request.name, "name")
        if len(request.description) > MAX_DESCRIPTION_CHARS:
            raise InvalidInput(
                f"description is {len(request.description)} characters; "
                f"the limit is {MAX_DESCRIPTION_CHARS}",
                field="description",
            )
        await self._store.create(
            CollectionSpec(
                name=request.name,
                model=model.ref,
                dim=model.dim,
                index=to_index(request.index),
                shards=to_shards(request),
                description=request.description,
            )
        )
        collection = await self._store.describe(request.name)
        return pb.CreateCollectionResponse(collection=from_collection(collection))

    async def GetCollection(
        self, request: pb.GetCollectionRequest, context: Context
    ) -> pb.GetCollectionResponse:
        """Show a collection."""
        collection = await self._store.describe(request.name)
        return pb.GetCollectionResponse(collection=from_collection(collection))

    async def ListCollections(
        self, request: pb.ListCollectionsRequest, context: Context
    ) -> pb.ListCollectionsResponse:
        """Show all collections, a page at a time."""
        limit = self._limit(request)
        digest = request_digest(request)
        after = decode_page_token(digest, request.page_token)
        names = [name for name in await self._store.names() if name > after]
        slots = asyncio.Semaphore(DESCRIBED_AT_ONCE)
        page = await together([self._describe(name, slots) for name in names[:limit]])
        return pb.ListCollectionsResponse(
            collections=[from_collection(entry) for entry in page if entry is not None],
            next_page_token=(
                encode_page_token(digest, names[limit - 1]) if len(names) > limit else ""
            ),
        )

    async def DeleteCollection(
        self, request: pb.DeleteCollectionRequest, context: Context
    ) -> pb.DeleteCollectionResponse:
        """Remove a collection."""
        await self._store.drop(request.name)
        return pb.DeleteCollectionResponse()

    async def RenameCollection(
        self, request: pb.RenameCollectionRequest, context: Context
    ) -> pb.RenameCollectionResponse:
        """Rename a collection."""
        check_collection_name(request.new_name, "new_name")
        await self._store.rename(request.name, request.new_name, keeps_alias=request.keep_alias)
        return pb.RenameCollectionResponse()

    async def SetAlias(self, request: pb.SetAliasRequest, context: Context) -> pb.SetAliasResponse:
        """Point an alias to a collection."""
        check_collection_name(request.alias, "alias")
        previous = await self._store.set_alias(request.alias, request.collection)
        settle_time = duration_pb2.Duration()
        settle_time.FromMilliseconds(round(self._store.settle_s * 1000))
        return pb.SetAliasResponse(previous_collection=previous, settle_time=settle_time)

    async def DeleteAlias(
        self, request: pb.DeleteAliasRequest, context: Context
    ) -> pb.DeleteAliasResponse:
        """Remove an alias."""
        check_collection_name(request.alias, "alias")
        await self._store.drop_alias(request.alias)
        return pb.DeleteAliasResponse()

    async def LoadCollection(
        self, request: pb.LoadCollectionRequest, context: Context
    ) -> pb.LoadCollectionResponse:
        """Load a collection for searching."""
        await self._store.load(request.name)
        return pb.LoadCollectionResponse()

    async def BuildIndex(
        self, request: pb.BuildIndexRequest, context: Context
    ) -> pb.BuildIndexResponse:
        """Replace the index of a collection."""
        index = to_index(request.index) if request.HasField("index") else None
        await self._store.build_index(request.name, index)
        collection = await self._store.describe(request.name)
        return pb.BuildIndexResponse(collection=from_collection(collection))

    async def ReleaseCollection(
        self, request: pb.ReleaseCollectionRequest, context: Context
    ) -> pb.ReleaseCollectionResponse:
        """Release a collection from memory."""
        await self._store.release(request.name)
        return pb.ReleaseCollectionResponse()

    async def UpsertItems(
        self, request: pb.UpsertItemsRequest, context: Context
    ) -> pb.UpsertItemsResponse:
        """Embed and write a small set of items."""
        start_s = perf_counter()
        check_batch(request.items, "items", self._limits.max_batch_items)
        drafts = await in_turns(to_draft, request.items)
        collection, model = request.collection, request.model
        del request  # it holds another copy of every picture
        prepared = await self._writer.prepare(collection, drafts, model=model)
        del drafts
        store_start_s = perf_counter()
        await self._writer.write(prepared.target, prepared.items)
        stages = replace(prepared.stages, store_s=perf_counter() - store_start_s)
        return pb.UpsertItemsResponse(
            items_written=len(prepared.items),
            errors=[
                item_error(failure.index, failure.id, failure.error)
                for failure in prepared.failures
            ],
            model=from_ref(prepared.model),
            timing=from_stages(stages, start_s),
        )

    async def GetItems(self, request: pb.GetItemsRequest, context: Context) -> pb.GetItemsResponse:
        """Return items by id."""
        check_batch(request.ids, "ids", self._limits.max_page_size)
        ids = possible_ids(request.ids, self._limits.max_id_bytes)
        fields = to_fields(request.read_mask)
        items = await self._store.get(request.collection, ids, fields)
        there = {item.id for item in items}
        missing = [key for key in dict.fromkeys(request.ids) if key not in there]
        answer = pb.GetItemsResponse(missing_ids=missing)
        await fill_all(answer, answer.items, items, fill_item, MessageRoom(self._limits))
        return answer

    async def ListItems(
        self, request: pb.ListItemsRequest, context: Context
    ) -> pb.ListItemsResponse:
        """Return items by filter, a page at a time."""
        limit = self._limit(request)
        digest = request_digest(request)
        pages_of, after_id = decode_list_token(
            digest, request.page_token, max_id_bytes=self._limits.max_id_bytes
        )
        name = await collection_of_pages(self._store, request.collection, pages_of)
        items = await self._store.scan(
            name,
            where=to_filter(request.filter, request.filter_params),
            limit=limit,
            after_id=after_id,
            fields=to_fields(request.read_mask),
        )
        answer = pb.ListItemsResponse()
        added = await fill_some(answer, answer.items, items, fill_item, MessageRoom(self._limits))
        if added < len(items) or len(items) == limit:
            answer.next_page_token = encode_list_token(digest, name, items[added - 1].id)
        return answer

    async def CountItems(
        self, request: pb.CountItemsRequest, context: Context
    ) -> pb.CountItemsResponse:
        """Count items."""
        where = to_filter(request.filter, request.filter_params)
        return pb.CountItemsResponse(count=await self._store.count(request.collection, where))

    async def DeleteItems(
        self, request: pb.DeleteItemsRequest, context: Context
    ) -> pb.DeleteItemsResponse:
        """Remove items by ids or by filter."""
        check_ids_or_filter(request)
        if request.ids:
            check_batch(request.ids, "ids", self._limits.max_page_size)
            ids = possible_ids(request.ids, self._limits.max_id_bytes)
            deleted = await self._store.delete(request.collection, ids)
        else:
            where = to_filter(request.filter, request.filter_params)
            deleted = await self._store.delete_where(request.collection, where)
        return pb.DeleteItemsResponse(deleted_count=deleted)

    def _limit(self, request: pb.ListCollectionsRequest | pb.ListItemsRequest) -> int:
        return bounded_int(
            request, "limit", default=DEFAULT_LIMIT, maximum=self._limits.max_page_size
        )

    async def _describe(self, name: str, slots: asyncio.Semaphore) -> Collection | None:
        """Return a collection when it is its turn, or None if it has just been removed."""
        try:
            async with slots:
                return await self._store.describe(name)
        except NotFound:
            return None
