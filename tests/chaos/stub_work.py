"""Writes with the ingest protocol over a bare stub, and does its own bookkeeping.

It follows `ingest_service.proto` and nothing else, so that its findings don't depend on the
library's bookkeeping.
"""

import queue
import time
import uuid
from collections.abc import Iterator

import grpc
from tihua.v1 import ingest_service_pb2 as pb
from tihua.v1.ingest_service_pb2_grpc import IngestServiceStub

from chaos.entries import Entry
from chaos.ledger import Books
from chaos.patience import OPTIONS, PASSING, PATIENCE_S

BATCH_SIZE = 16
"""Items per batch."""


class StubWork:
    """Writes with Ingest over a bare stub, and resumes its session after each break.

    Attributes:
        breaks: how often a stream broke.
    """

    def __init__(
        self, address: str, collection: str, dim: int, *, session_id: str | None = None
    ) -> None:
        """Write to `collection`; without a `session_id` the session is a new one."""
        self._address = address
        self._start = pb.IngestStart(
            collection=collection, session_id=session_id or str(uuid.uuid4())
        )
        self._dim = dim
        self._open: dict[int, list[Entry]] = {}
        self._next_seq = 1
        self._committed_seq = 0
        self._has_ended = False
        self._is_complete = False
        self.breaks = 0

    def __call__(self, source: Iterator[Entry], books: Books) -> None:
        """Write the entries, over as many streams as necessary."""
        with grpc.insecure_channel(self._address, OPTIONS) as channel:
            stub = IngestServiceStub(channel)
            give_up_s = time.monotonic() + PATIENCE_S
            while True:
                committed_seq = self._committed_seq
                try:
                    self._stream(stub, source, books)
                except grpc.RpcError as error:
                    if self._committed_seq != committed_seq:
                        give_up_s = time.monotonic() + PATIENCE_S
                    if error.code() not in PASSING or time.monotonic() > give_up_s:
                        raise
                    self.breaks += 1
                    time.sleep(0.1)
                else:
                    assert self._is_complete, "the stream ended OK without a summary"
                    assert not self._open, f"a summary, and {len(self._open)} batches open"
                    return

    def _stream(self, stub: IngestServiceStub, source: Iterator[Entry], books: Books) -> None:
        """Run one stream to its summary."""
        requests: queue.SimpleQueue[pb.IngestRequest | None] = queue.SimpleQueue()
        self._start.read_seq = self._committed_seq
        requests.put(pb.IngestRequest(start=self._start))
        call = stub.Ingest(iter(requests.get, None))
        unsent: list[int] = []
        is_draining = is_closed = False
        batches = size_bytes = 0
        try:
            for response in call:
                match response.WhichOneof("message"):
                    case "started":
                        self._resume_after(response.started.committed_seq, source, books)
                        unsent = sorted(self._open)
                        batches += response.started.credit.batches
                        size_bytes += response.started.credit.bytes
                    case "credit":
                        batches += response.credit.batches
                        size_bytes += response.credit.bytes
                    case "ack":
                        assert not response.ack.errors, response.ack.errors[0].error.message
                        self._commit(response.ack.committed_seq, books)
                    case "draining":
                        is_draining = True
                    case "summary":
                        self._is_complete = True
                while not is_draining and batches:
                    if not unsent and not self._take(source, unsent):
                        break
                    request = self._request(unsent[0])
                    if request.ByteSize() > size_bytes:
                        break
                    del unsent[0]
                    batches -= 1
                    size_bytes -= request.ByteSize()
                    requests.put(request)
                if self._has_ended and not unsent and not is_closed:
                    requests.put(None)
                    is_closed = True
        finally:
            call.cancel()
            requests.put(None)

    def _take(self, source: Iterator[Entry], unsent: list[int]) -> bool:
        """Make a batch of the next entries; return whether any were left."""
        batch: list[Entry] = []
        for entry in source:
            batch.append(entry)
            if len(batch) == BATCH_SIZE:
                break
        else:
            self._has_ended = True
        if batch:
            self._open[self._next_seq] = batch
            unsent.append(self._next_seq)
            self._next_seq += 1
        return bool(batch)

    def _request(self, seq: int) -> pb.IngestRequest:
        items = [entry.message(self._dim) for entry in self._open[seq]]
        return pb.IngestRequest(batch=pb.IngestBatch(seq=seq, items=items))

    def _resume_after(self, committed_seq: int, source: Iterator[Entry], books: Books) -> None:
        if committed_seq == 0 and self._committed_seq:
            # The server has forgotten the session: renumber the open batches from 1.
            self._open = dict(enumerate(self._open.values(), start=1))
            self._next_seq = len(self._open) + 1
            self._committed_seq = 0
            self._start.read_seq = 0
        assert committed_seq >= self._committed_seq, "an acknowledgement was taken back"
        while self._next_seq <= committed_seq and self._take(source, []):
            pass  # the process that started the session sent these
        self._commit(committed_seq, books)

    def _commit(self, committed_seq: int, books: Books) -> None:
        for seq in [seq for seq in self._open if seq <= committed_seq]:
            books.acknowledged(self._open.pop(seq))
        self._committed_seq = committed_seq
