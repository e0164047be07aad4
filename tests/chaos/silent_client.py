"""A client that sends and does not read, in a process of its own, which is then stopped."""

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
"""Of one process."""

BATCHES = 16
"""What is granted to a stream at its start."""

WINDOW: list[tuple[str, int]] = [
    # The least that HTTP/2 lets a client take in unasked.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1),
    ("grpc.use_local_subchannel_pool", 1),
]


def ingest(address: str, collection: str) -> Any:
    """Send what is granted, all of it items that fail, so that there is much to be told."""
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
    """Ask for more than is ever read."""
    channel = grpc.insecure_channel(address, WINDOW)
    request = collection_service_pb2.ListItemsRequest(
        collection=collection,
        limit=1_000,
        read_mask=FieldMask(paths=["id", "metadata", "embedding"]),
    )
    return CollectionServiceStub(channel).ListItems.future(request)


def main() -> None:
    """Begin calls, say so, and never read."""
    address, collection, kind = sys.argv[1:]
    begin = {"acknowledgements": ingest, "listings": listing}[kind]
    calls = [begin(address, collection) for _ in range(CALLS)]
    threading.Event().wait(1.0)
    click.echo("silent")
    threading.Event().wait()
    del calls


if __name__ == "__main__":
    main()
