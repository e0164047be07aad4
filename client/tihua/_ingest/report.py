"""Counts and failures of an ingest, by the positions of the items among the caller's.

The server reports a failure by batch and position within the batch. The batches of an earlier call
are not known here: their failures are reported once the caller gives the item of that id again.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from tihua import _convert
from tihua._ingest.types import IngestProgress
from tihua._types import ItemError
from tihua.errors import InvalidRequestError
from tihua.v1.ingest_service_pb2 import BatchError, IngestAck, IngestRequest, IngestSummary


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of items, by their outcome."""

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
        # Items that were never sent.
        self._rejected = 0
        self._left_out = 0
        # The positions of the items of each batch whose failures may still be reported.
        self._positions: dict[int, tuple[int, ...]] = {}
        # Items in batches of this call that an earlier call had sent, until failures are reported.
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
        """Count an item that is already stored."""
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
        """Continue after `given` items; those that the server did not count could not be sent."""
        counts = self.acknowledged
        # Set, not added: items rejected here lie before that place, and are among them.
        self._rejected = given - counts.written - counts.failed - counts.skipped
        for position, item_id in self._overtaken:
            self.carried_before(position, item_id)
        self._overtaken.clear()

    def carry(self, seq: int, positions: tuple[int, ...]) -> None:
        """Record the positions of the items of a batch that will be sent."""
        self._positions[seq] = positions

    def overtake(self, requests: Iterable[IngestRequest]) -> None:
        """Record that an earlier call sent the items of these batches, in its own batches."""
        for request in requests:
            ids = [item.id for item in request.batch.items]
            self._overtaken += zip(self._positions.pop(request.batch.seq), ids, strict=True)

    def carried_before(self, position: int, item_id: str) -> None:
        """Record the position of an item that an earlier call handled."""
        if errors := self._unplaced.get(item_id):
            self._add_error(errors.pop(0), position)

    def fail(self, failures: Iterable[BatchError]) -> None:
        """Add the failures of an acknowledgement."""
        for failure in failures:
            error = _convert.item_error(failure.error)
            if failure.seq in self._positions:
                self._add_error(error, self._positions[failure.seq][error.index])
            else:
                self._unplaced.setdefault(error.id, []).append(error)

    def count(self, message: IngestAck | IngestSummary) -> None:
        """Store the counts of an acknowledgement or of the summary."""
        self.acknowledged = Counts(
            message.items_written, message.items_failed, message.items_skipped
        )
        self._has_news = True

    def settle(self, committed_seq: int) -> None:
        """Forget the batches that are safe; none of their failures will be reported any more."""
        for seq in [seq for seq in self._positions if seq <= committed_seq]:
            del self._positions[seq]

    def take(self, committed_seq: int) -> IngestProgress | None:
        """Return the progress with the failures since the last call; None if nothing changed."""
        if not self._has_news:
            return None
        errors, self._errors = tuple(self._errors), []
        self._has_news = False
        written, failed, skipped = self.totals
        return IngestProgress(committed_seq, written, failed, skipped, errors=errors)

    def _add_error(self, error: ItemError, position: int) -> None:
        self._errors.append(dataclasses.replace(error, index=position))
        self._has_news = True
