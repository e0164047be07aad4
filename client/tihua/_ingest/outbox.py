"""Batches that are not safe yet: numbered, sent as credit allows, and sent again after a break."""

from collections import deque

from tihua._ingest.credit import Credit
from tihua._ingest.place import other_batches
from tihua.errors import InvalidRequestError, ServerError
from tihua.v1.ingest_service_pb2 import IngestRequest


class Outbox:
    """The batches of a session that the server has not acknowledged yet, in their order.

    Attributes:
        committed_seq: number of the last batch that is safe, by the last acknowledgement.
        committed_bookmark: the bookmark at the end of that batch.
        credit: the credit of the current stream.
    """

    def __init__(self) -> None:
        self.committed_seq = 0
        self.committed_bookmark = ""
        self._requests: deque[IngestRequest] = deque()  # the first is committed_seq + 1
        self.begin_stream()

    def begin_stream(self) -> None:
        """Reset for a new stream; call `resume_after` before sending anything."""
        self.credit = Credit()
        self._sent = 0
        self._resumed_seq = 0
        self._resumed_bookmark = ""

    @property
    def last_seq(self) -> int:
        """Return the number of the last batch."""
        return self.committed_seq + len(self._requests)

    @property
    def has_unsent(self) -> bool:
        """Return whether a batch waits for credit."""
        return self._sent < len(self._requests)

    @property
    def is_caught_up(self) -> bool:
        """Return whether every batch that was safe when the stream started is acknowledged."""
        return self.committed_seq >= self._resumed_seq

    def add(self, request: IngestRequest) -> int:
        """Append the next batch and return the number that it gets."""
        request.batch.seq = self.last_seq + 1
        self._requests.append(request)
        return request.batch.seq

    def next_request(self) -> IngestRequest | None:
        """Return the next batch to send, None if there is none or no credit for it.

        Raises:
            InvalidRequestError: the batch is larger than the server's full credit.
        """
        if not self.has_unsent:
            return None
        request = self._requests[self._sent]
        size = request.ByteSize()
        if self.credit.covers(size):
            self.credit.take(size)
            self._sent += 1
            return request
        if self._sent == 0 and self.credit.excludes(size):
            raise InvalidRequestError(
                f"a batch is {size} bytes and the server now grants {self.credit.window_bytes}; "
                "use a smaller batch_size",
                code="RESOURCE_EXHAUSTED",
                reason="TOO_LARGE",
                field="batch_size",
            )
        return None

    def resume_after(self, committed_seq: int, bookmark: str) -> None:
        """Record the last safe batch of the server of this stream.

        If that is later than what was acknowledged, an acknowledgement follows, with the failures.

        Raises:
            ServerError: the server withdrew an acknowledgement.
            FailedPreconditionError: the server's batch of that number is not ours: it has other
                items, or the items were batched differently.
        """
        if committed_seq < self.committed_seq:
            raise ServerError(
                f"the server withdrew an acknowledgement: batch {self.committed_seq} was "
                f"safe, and now it continues after {committed_seq}",
                reason="SESSION_REGRESSED",
            )
        is_one_of_ours = committed_seq <= self.last_seq
        # Older servers have no bookmarks.
        if is_one_of_ours and bookmark not in ("", self._bookmark(committed_seq)):
            raise other_batches()
        self._resumed_seq = committed_seq
        self._resumed_bookmark = bookmark

    def _bookmark(self, seq: int) -> str:
        """Return the bookmark of a batch, the last safe one or a later one."""
        if seq == self.committed_seq:
            return self.committed_bookmark
        return self._requests[seq - self.committed_seq - 1].batch.bookmark

    def commit(self, committed_seq: int) -> None:
        """Drop the batches that are safe."""
        while self._requests and self.committed_seq < committed_seq:
            self.committed_seq += 1
            self.committed_bookmark = self._requests.popleft().batch.bookmark
            # It may have been sent over an earlier stream.
            self._sent = max(0, self._sent - 1)

    def overtake(self, committed_seq: int) -> tuple[IngestRequest, ...]:
        """Continue after a batch of an earlier call, at the server's bookmark.

        Returns:
            All batches of this call, which are dropped: their numbers are taken, and only the
            server's bookmark says which of their items are safe.
        """
        overtaken = tuple(self._requests)
        self._requests.clear()
        self._sent = 0
        self.committed_seq = committed_seq
        self.committed_bookmark = self._resumed_bookmark
        return overtaken
