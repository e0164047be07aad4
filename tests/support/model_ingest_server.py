"""A model of a server that keeps the contract of an ingest, without a network."""

from collections.abc import Iterable

from client_sessions import failure, started
from tihua.v1.ingest_service_pb2 import (
    BatchError,
    IngestAck,
    IngestCredit,
    IngestRequest,
    IngestResponse,
)


class Model:
    """A server that keeps the contract and checks that the client does."""

    def __init__(self, *, has_bookmarks: bool = True) -> None:
        """Start empty; without bookmarks, behave like an older server."""
        self.has_bookmarks = has_bookmarks
        self.stored: set[str] = set()
        self.failed: set[str] = set()
        self.counts = IngestAck()
        self.failures: list[BatchError] = []
        self.bookmark = ""
        self.credit_batches = 0
        self.credit_bytes = 0

    def open(
        self, request: IngestRequest, *, forgets: bool, batches: int, size: int
    ) -> list[IngestResponse]:
        """Answer the start of a stream; if the client knows of more progress, believe it."""
        start = request.start
        if forgets:
            self.failures = []
        if forgets or start.read_seq > self.counts.committed_seq:
            self.counts = IngestAck(
                committed_seq=start.read_seq,
                items_written=start.items_written,
                items_failed=start.items_failed,
            )
            self.bookmark = start.read_bookmark
        self.credit_batches, self.credit_bytes = batches, size
        seq = self.counts.committed_seq
        bookmark = self.bookmark if self.has_bookmarks else ""
        answers = [started(seq, batches=batches, size=size, bookmark=bookmark)]
        if self.counts.committed_seq > start.read_seq:
            unread = [entry for entry in self.failures if entry.seq > start.read_seq]
            answers.append(self.acknowledged(unread))
        return answers

    def receive(self, request: IngestRequest) -> list[BatchError]:
        """Commit a batch; return its failures."""
        size = request.ByteSize()
        assert self.credit_batches >= 1, "sent without credit"
        assert self.credit_bytes >= size, "sent more bytes than were granted"
        self.credit_batches -= 1
        self.credit_bytes -= size
        self.counts.committed_seq += 1
        assert request.batch.seq == self.counts.committed_seq, "a gap in seq"
        self.bookmark = request.batch.bookmark
        failures = []
        for index, entry in enumerate(request.batch.items):
            if entry.id.endswith("7"):
                self.failed.add(entry.id)
                self.counts.items_failed += 1
                failures.append(failure(request.batch.seq, index, entry.id))
            else:
                self.stored.add(entry.id)
                self.counts.items_written += 1
        self.failures += failures
        return failures

    def grant(self, request: IngestRequest) -> IngestResponse:
        """Grant the credit again that a batch took."""
        self.credit_batches += 1
        self.credit_bytes += request.ByteSize()
        return IngestResponse(credit=IngestCredit(batches=1, bytes=request.ByteSize()))

    def acknowledged(self, failures: Iterable[BatchError]) -> IngestResponse:
        """Return an acknowledgement of all that is committed."""
        response = IngestResponse(ack=self.counts)
        response.ack.errors.extend(failures)
        return response
