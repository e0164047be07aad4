"""The batches of one ingest stream that were received but are not written yet, in order."""

import asyncio
from collections import deque
from dataclasses import dataclass

from tihua_server.errors import Overloaded
from tihua_server.ingest.events import Credit, DraftBatch
from tihua_server.ingest.writer import Prepared


@dataclass(frozen=True, slots=True)
class Pending:
    """A batch that is being embedded; its content is held by the task alone, and freed with it."""

    seq: int
    ids: tuple[str, ...]
    size_bytes: int
    bookmark: str
    task: asyncio.Task[Prepared]


class InFlight:
    """Batches that are embedded concurrently, within the granted credit."""

    def __init__(self, grant: Credit) -> None:
        """Allow at most `grant` in flight."""
        self._grant = grant
        self._batches: deque[Pending] = deque()
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def tasks(self) -> list[asyncio.Task[Prepared]]:
        """The tasks that embed the batches, oldest first."""
        return [pending.task for pending in self._batches]

    def with_ids_of(self, batch: DraftBatch) -> list[asyncio.Task[Prepared]]:
        """Return the tasks that embed batches which share an id with this one."""
        ids = {draft.id for draft in batch.drafts}
        return [pending.task for pending in self._batches if not ids.isdisjoint(pending.ids)]

    def check(self, batch: DraftBatch) -> None:
        """Check that there is credit for one more batch.

        Raises:
            Overloaded: there is none.
        """
        in_flight = len(self._batches) + 1
        in_flight_bytes = self._size_bytes + batch.size_bytes
        if in_flight > self._grant.batches or in_flight_bytes > self._grant.size_bytes:
            raise Overloaded(
                f"batch {batch.seq} makes {in_flight} batches and {in_flight_bytes} bytes in "
                f"flight; the grant was {self._grant.batches} batches and "
                f"{self._grant.size_bytes} bytes: wait for credit"
            )

    def add(self, batch: DraftBatch, task: asyncio.Task[Prepared]) -> None:
        """Append a batch, which `task` embeds."""
        ids = tuple(draft.id for draft in batch.drafts)
        self._batches.append(Pending(batch.seq, ids, batch.size_bytes, batch.bookmark, task))
        self._size_bytes += batch.size_bytes

    def is_oldest_done(self) -> bool:
        """Return whether the next batch to be written is embedded, or failed."""
        return bool(self._batches) and self._batches[0].task.done()

    def finished(self, max_items: int) -> list[tuple[Pending, Prepared]]:
        """Return the oldest batch and the finished ones behind it that share its target.

        Args:
            max_items: no further batch is added once there are this many items.

        Raises:
            Exception: the error of the oldest batch, if it failed.
        """
        finished: list[tuple[Pending, Prepared]] = []
        items = 0
        for pending in self._batches:
            is_ready = (
                pending.task.done()
                and not pending.task.cancelled()
                and pending.task.exception() is None
            )
            if finished and (not is_ready or items >= max_items):
                break
            prepared = pending.task.result()
            if finished and prepared.target != finished[0][1].target:
                break
            finished.append((pending, prepared))
            items += len(prepared.items)
        return finished

    def drop(self, count: int) -> Credit:
        """Remove the oldest batches, which are written now; return their credit."""
        size_bytes = 0
        for _ in range(count):
            pending = self._batches.popleft()
            size_bytes += pending.size_bytes
        self._size_bytes -= size_bytes
        return Credit(count, size_bytes)
