"""Writes small sets with UpsertItems over a bare stub, and retries until each succeeds."""

import itertools
from collections.abc import Iterator
from functools import partial

import grpc
from tihua.v1 import collection_service_pb2 as pb
from tihua.v1.collection_service_pb2_grpc import CollectionServiceStub

from chaos.entries import Entry
from chaos.ledger import Books
from chaos.patience import OPTIONS, patiently

SET_SIZE = 20
"""Items per call."""

TIMEOUT_S = 30.0


class UnaryWork:
    """Writes with UpsertItems; neither the library nor gRPC retries."""

    def __init__(self, address: str, collection: str, dim: int) -> None:
        """Write to `collection`, whose embeddings have length `dim`."""
        self._address = address
        self._collection = collection
        self._dim = dim

    def __call__(self, source: Iterator[Entry], books: Books) -> None:
        """Write the entries set by set."""
        with grpc.insecure_channel(self._address, OPTIONS) as channel:
            stub = CollectionServiceStub(channel)
            while entries := list(itertools.islice(source, SET_SIZE)):
                items = [entry.message(self._dim) for entry in entries]
                request = pb.UpsertItemsRequest(collection=self._collection, items=items)
                answer = patiently(partial(stub.UpsertItems, request, timeout=TIMEOUT_S))
                assert not answer.errors, answer.errors[0].message
                books.acknowledged(entries)
