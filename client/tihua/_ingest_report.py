"""What became of the items of an ingest, by their positions among those that the caller gave.

The server reports a failure by its batch and its position in it. Of the batches of an earlier call
nothing is known: their failures are told when the caller gives the item of that id again.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from tihua import _convert
from tihua._ingest_types import IngestProgress
from tihua._types import ItemError
from tihua.errors import InvalidRequestError
from tihua.v1.ingest_service_pb2 import BatchError, IngestAck, IngestRequest, IngestSummary


@dataclass(frozen=True, slots=True)
class Counts:
    """Items, by what became of them."""

    written: int = 0
    failed: int = 0
    skipped: int = 0


class IngestReport:
    """Counts and failures.

    Attributes:
        acknowledged: the counts of the server's last acknowledgement.
    """

    def __init__(self) -> None:
        self.acknowledged = Counts()
        # What never left.
        self._rejected = 0
        self._left_out = 0
        # Of each batch whose failures may still be told: where its items stood.
        self._positions: dict[int, tuple[int, ...]] = {}
        # What an earlier call dealt with though it was to be sent here, until failures are told.
        self._overtaken: list[tuple[int, str]] = []
        self._unplaced: dict[str, list[ItemError]] = {}
        self._errors: list[ItemError] = []
        self._has_news = False

    @property
    def totals(self) -> tuple[int, int, int]:
        """Return the items written, failed and skipped so far."""
        counts = self.acknowledged
        return counts.written, counts.failed + self._rejected, counts.skipped + self._left_out

    def leave_out(self) -> None:
        """Count an item that is stored already."""
        self._left_out += 1
        self._has_news = True

    def reject(self, position: int, item_id: str, error: InvalidRequestError) -> None:
        """Count an item that can't be sent."""
        self._errors.append(
            ItemError(
                index=position,
                id=item_id,
                code=error.code,
                reason=error.reason,
                message=error.message,
                metadata=error.metadata,
            )
        )
        self._rejected += 1
        self._has_news = True

    def resume(self, given: int) -> None:
        """Go on behind so many items: those of them that no server counted could not be sent."""
        counts = self.acknowledged
        # Set, not added to: what was rejected here lies before that place, and is among them.
        self._rejected = given - counts.written - counts.failed - counts.skipped
        for position, item_id in self._overtaken:
            self.carried_before(position, item_id)
        self._overtaken.clear()

    def carry(self, seq: int, positions: tuple[int, ...]) -> None:
        """Take note where the items of a batch stood that will be sent."""
        self._positions[seq] = positions

    def overtake(self, requests: Iterable[IngestRequest]) -> None:
        """Take note that an earlier call sent the items of these batches, in batches of its own."""
        for request in requests:
            ids = [item.id for item in request.batch.items]
            self._overtaken += zip(self._positions.pop(request.batch.seq), ids, strict=True)

    def carried_before(self, position: int, item_id: str) -> None:
        """Take note where an item stood that an earlier call dealt with."""
        if errors := self._unplaced.get(item_id):
            self._tell(errors.pop(0), position)

    def fail(self, failures: Iterable[BatchError]) -> None:
        """Take the failures of an acknowledgement."""
        for failure in failures:
            error = _convert.item_error(failure.error)
            if failure.seq in self._positions:
                self._tell(error, self._positions[failure.seq][error.index])
            else:
                self._unplaced.setdefault(error.id, []).append(error)

    def count(self, message: IngestAck | IngestSummary) -> None:
        """Take the counts of an acknowledgement or of the summary."""
        self.acknowledged = Counts(
            message.items_written, message.items_failed, message.items_skipped
        )
        self._has_news = True

    def settle(self, committed_seq: int) -> None:
        """Forget the batches that are safe: no more failures of them are told."""
        for seq in [seq for seq in self._positions if seq <= committed_seq]:
            del self._positions[seq]

    def take(self, committed_seq: int) -> IngestProgress | None:
        """Return what is new since the last call, None if nothing is."""
        if not self._has_news:
            return None
        errors, self._errors = tuple(self._errors), []
        self._has_news = False
        written, failed, skipped = self.totals
        return IngestProgress(committed_seq, written, failed, skipped, errors=errors)

    def _tell(self, error: ItemError, position: int) -> None:
        self._errors.append(dataclasses.replace(error, index=position))
        self._has_news = True
