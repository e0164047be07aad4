"""The content of the store, read over bare stubs."""

from collections.abc import Iterator, Sequence
from functools import partial

import grpc
import numpy as np
import numpy.typing as npt
from google.protobuf.field_mask_pb2 import FieldMask
from tihua.v1 import collection_service_pb2, search_service_pb2, types_pb2
from tihua.v1.collection_service_pb2_grpc import CollectionServiceStub
from tihua.v1.search_service_pb2_grpc import SearchServiceStub

from chaos.patience import patiently

PAGE_SIZE = 1_000
"""Items per page of a listing."""

TIMEOUT_S = 60.0


class Shelf:
    """Reads a collection; calls are retried while the server is down."""

    def __init__(self, channel: grpc.Channel, collection: str, dim: int) -> None:
        """Read `collection`, whose embeddings have length `dim`, over `channel`."""
        self._collections = CollectionServiceStub(channel)
        self._searching = SearchServiceStub(channel)
        self._collection = collection
        self.dim = dim

    def items(self, *fields: str) -> Iterator[types_pb2.Item]:
        """Yield every item, sorted by id, with these fields."""
        request = collection_service_pb2.ListItemsRequest(
            collection=self._collection, limit=PAGE_SIZE, read_mask=FieldMask(paths=fields)
        )
        while True:
            page = patiently(partial(self._collections.ListItems, request, timeout=TIMEOUT_S))
            yield from page.items
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def get(self, ids: Sequence[str]) -> Iterator[types_pb2.Item]:
        """Yield the items of these ids that exist, with their metadata."""
        for start in range(0, len(ids), PAGE_SIZE):
            request = collection_service_pb2.GetItemsRequest(
                collection=self._collection,
                ids=ids[start : start + PAGE_SIZE],
                read_mask=FieldMask(paths=["metadata"]),
            )
            answer = patiently(partial(self._collections.GetItems, request, timeout=TIMEOUT_S))
            yield from answer.items

    def count(self) -> int:
        """Return the number of items, as the store counts them."""
        request = collection_service_pb2.CountItemsRequest(collection=self._collection)
        return patiently(partial(self._collections.CountItems, request, timeout=TIMEOUT_S)).count

    def nearest(self, embedding: npt.NDArray[np.float32], limit: int) -> list[str]:
        """Return the ids of the items nearest to an embedding, best first."""
        block = types_pb2.VectorBlock(data=embedding.tobytes(), dim=self.dim, count=1)
        request = search_service_pb2.SearchRequest(
            collection=self._collection,
            terms=[search_service_pb2.QueryTerm(embedding=block)],
            limit=limit,
            read_mask=FieldMask(paths=["id"]),
        )
        answer = patiently(partial(self._searching.Search, request, timeout=TIMEOUT_S))
        return [hit.item.id for hit in answer.hits]
