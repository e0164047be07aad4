"""A client that sends and never reads, in a separate process that is then stopped."""

import queue
import sys
import threading
import uuid
from typing import Any

import click
import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from tihua.v1 import collection_service_pb2, ingest_service_pb2, types_pb2
from tihua.v1.collection_service_pb2_grpc import CollectionServiceStub
from tihua.v1.ingest_service_pb2_grpc import IngestServiceStub

KINDS = ("acknowledgements", "listings")
CALLS = 10
"""Calls per process."""

BATCHES = 16
"""Batches that the server grants a stream at its start."""

WINDOW: list[tuple[str, int]] = [
    # As little flow-control window as HTTP/2 allows.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1),
    ("grpc.use_local_subchannel_pool", 1),
]


def ingest(address: str, collection: str) -> Any:
    """Use up the granted credit with items that fail, so that the server has much to answer."""
    channel = grpc.insecure_channel(address, WINDOW)
    start = ingest_service_pb2.IngestStart(collection=collection, session_id=str(uuid.uuid4()))
    requests: queue.SimpleQueue[ingest_service_pb2.IngestRequest] = queue.SimpleQueue()
    requests.put(ingest_service_pb2.IngestRequest(start=start))
    bad = types_pb2.Item(id="x" * 500, uri="u" * 5_000, text="马")
    for seq in range(1, BATCHES + 1):
        batch = ingest_service_pb2.IngestBatch(seq=seq, items=[bad] * 256)
        requests.put(ingest_service_pb2.IngestRequest(batch=batch))
    return IngestServiceStub(channel).Ingest(iter(requests.get, None))


def listing(address: str, collection: str) -> Any:
    """Ask for an answer that is never read."""
    channel = grpc.insecure_channel(address, WINDOW)
    request = collection_service_pb2.ListItemsRequest(
        collection=collection,
        limit=1_000,
        read_mask=FieldMask(paths=["id", "metadata", "embedding"]),
    )
    return CollectionServiceStub(channel).ListItems.future(request)


def main() -> None:
    """Start the calls, print "silent", and never read."""
    address, collection, kind = sys.argv[1:]
    begin = {"acknowledgements": ingest, "listings": listing}[kind]
    calls = [begin(address, collection) for _ in range(CALLS)]
    threading.Event().wait(1.0)
    click.echo("silent")
    threading.Event().wait()
    del calls


if __name__ == "__main__":
    main()
