"""One ingest stream: batches embedded side by side, written in their order, acknowledged.

    reader ──> batches in flight, each embedded in a task of its own ──> `run` ──> events

The reader (`reader.py`) accepts no more than the client was granted. `run` waits for the oldest
batch, adds the finished ones behind it, writes them in one call and acknowledges them. So a batch
is acknowledged only after every batch before it, and an id that occurs twice keeps its last
content. A client that does not read the events stops `run`, and with it the grants: what one stream
holds in memory never exceeds its first grant.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from time import monotonic
from typing import Any

from tihua_server.batching.admission import Budget
from tihua_server.errors import Draining, SessionTaken, StreamIdle
from tihua_server.ingest.events import (
    Ack,
    Credit,
    DraftBatch,
    DrainingNotice,
    Event,
    Started,
    Summary,
)
from tihua_server.ingest.in_flight import InFlight, Pending
from tihua_server.ingest.reader import IngestReader
from tihua_server.ingest.session import BatchFailure, Progress, Session
from tihua_server.ingest.writer import Prepared, Writer
from tihua_server.observer import Observer

MAX_WRITE_ITEMS = 1_000
"""A call to the store gets no further batch once it has this many rows: inserts are fastest at
about this number (measured with pymilvus)."""

ACK_INTERVAL_S = 0.1
"""Least time between acknowledgements without failures while there is more to write, in seconds:
small batches would be acknowledged hundreds of times a second. None is delayed longer than
this, except by a write in progress."""


class _Acks:
    """The acknowledgements of one stream: when the next is due, and the failures it will tell."""

    def __init__(self, session: Session, read_seq: int) -> None:
        """Begin with what the client has not read: what was committed after batch `read_seq`."""
        self._session = session
        self._acked_seq = read_seq
        self._acked_s = -math.inf
        self._failures = session.failures_after(read_seq)

    def has_news(self) -> bool:
        """Return whether anything has been committed since the last one."""
        return self._session.progress.committed_seq > self._acked_seq

    def note(self, failures: Sequence[BatchFailure]) -> None:
        """Add failures of the batches that were just committed."""
        self._failures += failures

    def is_due(self, *, is_last: bool = False) -> bool:
        """Return whether to send one now; `is_last`: there is nothing more to write."""
        is_pressing = is_last or bool(self._failures) or self.wait_s() <= 0
        return self.has_news() and is_pressing

    def wait_s(self) -> float:
        """Return how long the next one may wait, in seconds; not positive if it may not."""
        return self._acked_s + ACK_INTERVAL_S - monotonic()

    def take(self) -> Ack:
        """Acknowledge everything that is committed."""
        failures, self._failures = self._failures, []
        self._acked_seq = self._session.progress.committed_seq
        self._acked_s = monotonic()
        return Ack(self._session.progress, failures)


class IngestStream:
    """One stream of a session: a reader, the batches in flight, and the writer (`run`)."""

    def __init__(
        self,
        session: Session,
        writer: Writer,
        *,
        model: str,
        grant: Credit,
        room: Budget,
        idle_timeout_s: float,
        observer: Observer,
    ) -> None:
        """Set the bounds; `run` starts the stream.

        Args:
            session: the session that the stream continues.
            writer: prepares and writes items.
            model: the model that the client names; empty means the collection's.
            grant: what may be in flight.
            room: bounds the bytes that are being embedded, for all streams together.
            idle_timeout_s: idle timeout, in seconds.
            observer: notified of the outcome of items.
        """
        self._observer = observer
        self._session = session
        self._writer = writer
        self._grant = grant
        self._in_flight = InFlight(grant)
        self._idle_timeout_s = idle_timeout_s
        self._change = asyncio.Event()
        self._reader = IngestReader(
            session, writer, self._in_flight, model=model, room=room, when_changed=self._change.set
        )
        self._reading: asyncio.Task[None] | None = None
        self._is_taken = False
        self._is_draining = False

    async def run(
        self, batches: AsyncIterator[DraftBatch], read_seq: int
    ) -> AsyncGenerator[Event, None]:
        """Write the batches; yield the events for the client. See `Ingester.ingest`."""
        start_s = monotonic()
        session = self._session
        acks = _Acks(session, read_seq)
        yield Started(session.progress.committed_seq, session.progress.bookmark, self._grant)
        if acks.has_news():
            yield acks.take()
        reading = self._start_reading(batches)
        is_drain_announced = False
        while self._in_flight or not reading.done():
            self._raise_if_taken()
            if self._is_draining and not is_drain_announced:
                is_drain_announced = True
                yield DrainingNotice()
                continue  # while it was sent, everything may have changed
            if (ignored := self._reader.take_ignored()).batches:
                yield ignored
                continue
            if not self._in_flight.is_oldest_done():
                if acks.is_due():
                    yield acks.take()
                else:
                    await self._wait_for_change(
                        at_most_s=acks.wait_s() if acks.has_news() else None
                    )
                continue
            # Shielded: what has begun is written even if the client leaves, and then it is counted.
            writing = session.begin_write(self._write_finished())
            try:
                failures, credit = await asyncio.shield(writing)
            except Exception:
                if acks.has_news():
                    yield acks.take()
                raise
            acks.note(failures)
            if acks.is_due(is_last=not self._in_flight):
                yield acks.take()
            yield credit
        self._raise_if_taken()
        if reading.cancelled():
            if not is_drain_announced:
                yield DrainingNotice()
            raise Draining("the server is shutting down; resume the session on another one")
        reading.result()
        with session.ending():
            yield Summary(session.progress, monotonic() - start_s)

    def drain(self) -> None:
        """Accept no more batches; finish what is there, and end with `Draining`."""
        self._is_draining = True
        self._stop_reading()

    def yield_to_successor(self) -> None:
        """Begin no further write; the stream then ends by itself."""
        self._is_taken = True
        self._stop_reading()

    async def close(self) -> None:
        """Stop; the client has to send again what is not acknowledged."""
        self._stop_reading()
        tasks: list[asyncio.Task[Any]] = [*self._in_flight.tasks]
        for task in tasks:
            task.cancel()
        if self._reading is not None:
            tasks.append(self._reading)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.settled()

    def _start_reading(self, batches: AsyncIterator[DraftBatch]) -> asyncio.Task[None]:
        self._reading = asyncio.create_task(self._reader.read(batches), name="ingest reader")
        self._reading.add_done_callback(self._changed)
        if self._is_draining or self._is_taken:
            self._stop_reading()
        return self._reading

    def _raise_if_taken(self) -> None:
        if self._is_taken:
            raise SessionTaken("another stream took over the session; this one ends")

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._change.set()

    def _changed(self, _: object) -> None:
        self._change.set()

    async def _wait_for_change(self, *, at_most_s: float | None = None) -> None:
        self._change.clear()
        if at_most_s is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._change.wait(), at_most_s)
            return
        is_busy = self._in_flight or self._reader.is_held_up
        try:
            async with asyncio.timeout(None if is_busy else self._idle_timeout_s):
                await self._change.wait()
        except TimeoutError as error:
            raise StreamIdle(
                f"no batch came for {self._idle_timeout_s:g} s; open the session again when there "
                "is more to send"
            ) from error

    async def _write_finished(self) -> tuple[list[BatchFailure], Credit]:
        """Write the oldest batch and the finished ones behind it; return failures and credit."""
        finished = self._in_flight.finished(MAX_WRITE_ITEMS)
        items = [item for _, prepared in finished for item in prepared.items]
        await self._writer.write(finished[0][1].target, items)
        return self._commit(finished)

    def _commit(
        self, finished: Sequence[tuple[Pending, Prepared]]
    ) -> tuple[list[BatchFailure], Credit]:
        progress = self._session.progress
        failures: list[BatchFailure] = []
        for pending, prepared in finished:
            written = len(prepared.items) + prepared.already_written
            self._observer.ingested(
                written=written, failed=len(prepared.failures), skipped=prepared.skipped
            )
            failures += [BatchFailure(pending.seq, failure) for failure in prepared.failures]
            progress = Progress(
                committed_seq=pending.seq,
                written=progress.written + written,
                failed=progress.failed + len(prepared.failures),
                skipped=progress.skipped + prepared.skipped,
                bookmark=pending.bookmark,
            )
        credit = self._in_flight.drop(len(finished))
        self._session.commit(progress, failures)
        return failures, credit
