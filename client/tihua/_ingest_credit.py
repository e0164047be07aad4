"""What the server lets a stream send: so many batches, and so many bytes, at once."""

from tihua.v1.ingest_service_pb2 import IngestCredit


class Credit:
    """The credit of one stream.

    Attributes:
        window_bytes: the most bytes of credit that there ever were; 0 before there were any. A
            message beyond that would wait for ever.
    """

    def __init__(self) -> None:
        self.window_bytes = 0
        self._batches = 0
        self._bytes = 0

    def grant(self, credit: IngestCredit) -> None:
        """Add what the server grants."""
        self._batches += credit.batches
        self._bytes += credit.bytes
        self.window_bytes = max(self.window_bytes, self._bytes)

    def covers(self, size: int) -> bool:
        """Return whether a batch of so many bytes may be sent."""
        return self._batches > 0 and size <= self._bytes

    def excludes(self, size: int) -> bool:
        """Return whether a batch of so many bytes waits for ever, even with nothing under way."""
        return self._batches > 0 and 0 < self.window_bytes < size

    def take(self, size: int) -> None:
        """Use credit for a batch of so many bytes."""
        self._batches -= 1
        self._bytes -= size

    def limit(self, size: int) -> int:
        """Return so many bytes, or fewer where there never was credit for that many."""
        return min(size, self.window_bytes) if self.window_bytes else size
