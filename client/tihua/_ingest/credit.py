"""The server's flow control of a stream: credit in batches and in bytes."""

from tihua.v1.ingest_service_pb2 import IngestCredit


class Credit:
    """The credit of one stream.

    Attributes:
        window_bytes: the highest credit so far, in bytes; 0 before the first grant. A larger
            message would wait forever.
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
        """Return whether a batch of `size` bytes may be sent."""
        return self._batches > 0 and size <= self._bytes

    def excludes(self, size: int) -> bool:
        """Return whether a batch of `size` bytes can never be sent, even with nothing in flight."""
        return self._batches > 0 and 0 < self.window_bytes < size

    def take(self, size: int) -> None:
        """Use credit for a batch of `size` bytes."""
        self._batches -= 1
        self._bytes -= size

    def limit(self, size: int) -> int:
        """Return `size`, or less if the credit never was that high."""
        return min(size, self.window_bytes) if self.window_bytes else size
