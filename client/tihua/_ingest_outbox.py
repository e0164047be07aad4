"""Batches until they are safe: numbered, sent as far as the credit goes, and sent again."""

from collections import deque

from tihua._ingest_credit import Credit
from tihua.errors import InvalidRequestError, ServerError
from tihua.v1.ingest_service_pb2 import IngestRequest


class Outbox:
    """The batches of a session that the server has not acknowledged yet, in their order.

    Attributes:
        committed_seq: number of the last batch that is safe, by the last acknowledgement.
        credit: what may be sent over the stream that is open.
    """

    def __init__(self) -> None:
        self.committed_seq = 0
        self._next_seq = 1
        self._unacknowledged: dict[int, IngestRequest] = {}
        self.begin_stream()

    def begin_stream(self) -> None:
        """Take note of a new stream: nothing is sent before its server says where it goes on."""
        self.credit = Credit()
        self._resumed_seq = 0
        self._unsent: deque[int] = deque()

    @property
    def is_empty(self) -> bool:
        """Return whether all batches are safe."""
        return not self._unacknowledged

    @property
    def has_unsent(self) -> bool:
        """Return whether a batch waits for credit."""
        return bool(self._unsent)

    def add(self, request: IngestRequest) -> int:
        """Take the next batch, number it, and return the number; one that is safe is dropped."""
        seq = self._next_seq
        self._next_seq += 1
        if seq <= self.committed_seq:
            return seq
        request.batch.seq = seq
        self._unacknowledged[seq] = request
        if seq > self._resumed_seq:
            self._unsent.append(seq)
        return seq

    def next_request(self) -> IngestRequest | None:
        """Return the next batch to send, None if there is none or no credit for it.

        Raises:
            InvalidRequestError: the batch is larger than all the credit that there ever is.
        """
        if not self._unsent:
            return None
        request = self._unacknowledged[self._unsent[0]]
        size = request.ByteSize()
        if self.credit.covers(size):
            self.credit.take(size)
            self._unsent.popleft()
            return request
        is_idle = len(self._unsent) == len(self._unacknowledged)
        if is_idle and self.credit.excludes(size):
            raise InvalidRequestError(
                f"a batch is {size} bytes and the server now grants {self.credit.window_bytes}; "
                "use a smaller batch_size",
                reason="TOO_LARGE",
                field="batch_size",
            )
        return None

    def resume_after(self, committed_seq: int) -> None:
        """Have sent again what the server does not have.

        Raises:
            ServerError: the server withdrew an acknowledgement.
        """
        if committed_seq < self.committed_seq:
            raise ServerError(
                f"the server withdrew an acknowledgement: batch {self.committed_seq} was "
                f"safe, and now it continues after {committed_seq}",
                reason="SESSION_REGRESSED",
            )
        # If that is beyond what was acknowledged, an acknowledgement follows, with the failures.
        self._resumed_seq = committed_seq
        self._unsent = deque(seq for seq in self._unacknowledged if seq > committed_seq)

    def commit(self, committed_seq: int) -> None:
        """Let go of the batches that are safe."""
        self.committed_seq = max(self.committed_seq, committed_seq)
        for seq in [seq for seq in self._unacknowledged if seq <= committed_seq]:
            del self._unacknowledged[seq]
        # An acknowledgement may be of batches that the stream before this one carried.
        self._unsent = deque(seq for seq in self._unsent if seq > committed_seq)
