"""The progress and the result of a bulk ingest."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tihua._types import ItemError

__all__ = ["IngestProgress", "IngestSummary", "WriteMode"]

WriteMode: TypeAlias = Literal["upsert", "insert-only", "skip-existing"]
"""What to do with an id that is already stored: replace the item, fail, or leave it."""


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """What is safe so far. The counts cover the whole session.

    Attributes:
        committed_seq: number of the last batch that is safe: each of its items is in the store or
            was reported in `errors`. Batches are numbered from 1.
        written: items written.
        failed: items that failed.
        skipped: items left as they were, with `mode="skip-existing"`.
        errors: the failures since the previous progress; `index` is the item's position in what was
            given to `ingest`, from 0. Of those that a break kept from the client, the server
            reports the latest 1 000.
    """

    committed_seq: int
    written: int
    failed: int
    skipped: int
    errors: tuple[ItemError, ...]


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """The result of `ingest`. The counts cover the whole session.

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
        """Return the number of items given to `ingest`: written, failed or skipped."""
        return self.written + self.failed + self.skipped
