"""What a server remembers of an ingest session between its streams.

With each stream a client sends how far it has read the session. A server that knows less, because
it was restarted or is another replica, trusts the client and continues from there, so a session can
move between servers that share nothing but the store.
"""

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from tihua_server.ingest.candidate import Failure
from tihua_server.ingest.draft import WriteMode

T = TypeVar("T")

MAX_KEPT_FAILURES = 1_000
"""Failures that a session remembers for a client that may not have read them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a session has come, from its beginning.

    Attributes:
        committed_seq: number of the last batch that is committed: stored, or its items failed.
        written, failed, skipped: numbers of items.
        bookmark: the client's own note of where its items stood after that batch.
    """

    committed_seq: int = 0
    written: int = 0
    failed: int = 0
    skipped: int = 0
    bookmark: str = ""


NOTHING_READ = Progress()
"""What the client of a new session has read."""


@dataclass(frozen=True, slots=True)
class BatchFailure:
    """An item that failed, and its batch."""

    seq: int
    failure: Failure


class Session:
    """An ingest into one collection, in one mode.

    Attributes:
        collection, mode: what it was opened for.
        progress: what is committed.
        is_over: whether its summary was sent, or is being sent.
    """

    def __init__(self, session_id: str, collection: str, mode: WriteMode) -> None:
        """Begin with nothing committed."""
        self.collection = collection
        self.mode = mode
        self.progress = Progress()
        self.is_over = False
        self._writing: asyncio.Task[Any] | None = None
        self._failures: deque[BatchFailure] = deque(maxlen=MAX_KEPT_FAILURES)
        # An id may be long, and this is stored in every row.
        self._tag = hashlib.blake2b(session_id.encode(), digest_size=8).hexdigest()

    @property
    def failure_count(self) -> int:
        """How many failures are remembered."""
        return len(self._failures)

    def origin(self, seq: int, index: int) -> str:
        """Return the mark of one item of the session, by which it is recognized when sent again.

        Empty in mode UPSERT, which need not recognize it.
        """
        return "" if self.mode is WriteMode.UPSERT else f"{self._tag}.{seq}.{index}"

    def begin_write(self, write: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a write that continues even if the stream ends. One at a time: see `settled`."""
        task = asyncio.create_task(write)
        self._writing = task
        task.add_done_callback(self._end_write)
        return task

    def _end_write(self, task: asyncio.Task[Any]) -> None:
        # An error would hold the frames of the write, and the stream may not be there to fetch it.
        self._writing = None
        if not task.cancelled():
            task.exception()

    async def settled(self) -> None:
        """Wait until no write of the session is in progress."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Count the session as over while its summary is sent, and afterwards if that succeeded.

        Until something is sent, gRPC reports a client that broke off as one that has finished.
        """
        self.is_over = True
        is_sent = False
        try:
            yield
            is_sent = True
        finally:
            self.is_over = is_sent

    def adopt(self, read: Progress) -> None:
        """Adopt the progress that the client has read, if it is ahead of this session's."""
        if read.committed_seq > self.progress.committed_seq:
            self.progress = read

    def commit(self, progress: Progress, failures: Iterable[BatchFailure]) -> None:
        """Record committed batches and the failures in them."""
        self.progress = progress
        self._failures.extend(failures)

    def failures_after(self, seq: int) -> list[BatchFailure]:
        """Return the remembered failures of later batches."""
        return [entry for entry in self._failures if entry.seq > seq]
