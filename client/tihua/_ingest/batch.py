"""Groups items into batches, bounded by number and by bytes."""

from dataclasses import dataclass

from tihua.v1.ingest_service_pb2 import IngestBatch, IngestRequest
from tihua.v1.types_pb2 import Item

MAX_BATCH_BYTES = 4 * 2**20
"""A batch is closed before it would exceed this; `IngestBatch` in the protos recommends a size."""

_REQUEST_OVERHEAD_BYTES = 96
_ITEM_OVERHEAD_BYTES = 6
"""Upper bounds: tags, lengths, seq and bookmark of a request, and tag and length of each item."""


def request_bytes(item: Item) -> int:
    """Return an upper bound of the size of a request with this item alone."""
    return _REQUEST_OVERHEAD_BYTES + _ITEM_OVERHEAD_BYTES + item.ByteSize()


@dataclass(frozen=True, slots=True)
class Batch:
    """A request, and the position of each of its items among the caller's items."""

    request: IngestRequest
    positions: tuple[int, ...]


class BatchBuilder:
    """Collects items until a batch is full."""

    def __init__(self, max_items: int) -> None:
        """Start with an empty batch.

        Args:
            max_items: maximum items per batch, 1 or more.
        """
        self._max_items = max_items
        self._request = IngestRequest(batch=IngestBatch())
        self._positions: list[int] = []
        self._bytes = _REQUEST_OVERHEAD_BYTES

    def add(self, item: Item, position: int, bookmark: str, max_bytes: int) -> list[Batch]:
        """Add an item; return the batches that this completes: none, one or two.

        Args:
            item: the item to send.
            position: its position among the caller's items.
            bookmark: the place after it.
            max_bytes: maximum size of a request; an item that is larger goes alone.
        """
        size = item.ByteSize() + _ITEM_OVERHEAD_BYTES
        full = self.flush() if self._bytes + size > max_bytes else []
        self._request.batch.items.append(item)
        self._request.batch.bookmark = bookmark
        self._positions.append(position)
        self._bytes += size
        if len(self._positions) == self._max_items or self._bytes >= max_bytes:
            full += self.flush()
        return full

    def flush(self) -> list[Batch]:
        """Return the batch as it is, or nothing if it is empty, and start the next."""
        if not self._positions:
            return []
        batch = Batch(self._request, tuple(self._positions))
        self._request = IngestRequest(batch=IngestBatch())
        self._positions = []
        self._bytes = _REQUEST_OVERHEAD_BYTES
        return [batch]
