"""What a bulk stream tells its caller, during it and at the end."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tihua._types import ItemError

__all__ = ["IngestProgress", "IngestSummary", "WriteMode"]

WriteMode: TypeAlias = Literal["upsert", "insert-only", "skip-existing"]
"""What to do with an id that is already stored: replace the item, fail, or leave it."""


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """What is safe so far. The counts are of the session, from its beginning.

    Attributes:
        committed_seq: number of the last batch that is in the store or in `errors`; from 1.
        written: items written.
        failed: items that failed.
        skipped: items left as they were, with `mode="skip-existing"`.
        errors: the failures since the previous progress; `index` is the item's position in what was
            given to `ingest`, from 0. Of those that were not read before a break, the server tells
            the latest 1 000.
    """

    committed_seq: int
    written: int
    failed: int
    skipped: int
    errors: tuple[ItemError, ...]


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What became of all items. The counts are of the session, from its beginning.

    Attributes:
        written: items written.
        failed: items that failed.
        skipped: items left as they were, with `mode="skip-existing"`.
        seconds: from the call of `ingest` to its return.
    """

    written: int
    failed: int
    skipped: int
    seconds: float

    @property
    def sent(self) -> int:
        """Return the number of items that were given: written, failed or skipped."""
        return self.written + self.failed + self.skipped
