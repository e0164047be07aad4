"""One ingest stream: batches embedded side by side, written in their order, acknowledged.

    reader ──> batches in flight, each embedding in a task of its own ──> writer ──> events

The reader (`ingest_reader.py`) accepts what the client was granted and no more. The writer waits
for the oldest batch, adds the finished ones behind it, writes them in one call and tells the
client: so a batch is acknowledged only after every batch before it, and an id that comes twice
keeps its last content. A client that does not read the events stops the writer, and with it the
grants: what one stream holds in memory never exceeds its first grant.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from time import monotonic
from typing import Any

from tihua_server.admission import Budget
from tihua_server.errors import Draining, SessionTaken, StreamIdle
from tihua_server.in_flight import InFlight, Pending
from tihua_server.ingest_events import (
    Ack,
    Batch,
    Credit,
    DrainingNotice,
    Event,
    Started,
    Summary,
)
from tihua_server.ingest_reader import IngestReader
from tihua_server.ingest_session import BatchFailure, Counts, Session
from tihua_server.observer import Observer
from tihua_server.writer import Prepared, Writer

MAX_WRITE_ITEMS = 1_000
"""Rows of one call to the store, about which inserts are fastest (measured with pymilvus)."""

ACK_INTERVAL_S = 0.1
"""Acknowledgements without failures come no closer than this while there is more to write: small
batches would be answered hundreds of times a second. None comes later than this."""


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
        """Take the session and the bounds.

        Args:
            session: what it goes on with.
            writer: prepares and writes items.
            model: the model that the client names; empty means the collection's.
            grant: what may be in flight.
            room: bytes that all streams may hold to be embedded.
            idle_timeout_s: how long there may be nothing to do, in seconds.
            observer: hears of what became of items.
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
        self, batches: AsyncIterator[Batch], read_seq: int
    ) -> AsyncGenerator[Event, None]:
        """Write the batches; yield what the client must know. `Ingester.ingest` says the rest."""
        start_s = monotonic()
        session = self._session
        yield Started(session.counts.committed_seq, session.counts.bookmark, self._grant)
        told_seq, told_s = read_seq, -ACK_INTERVAL_S
        if session.counts.committed_seq > told_seq:
            told_seq = session.counts.committed_seq
            yield Ack(session.counts, session.failures_after(read_seq))
        self._reading = asyncio.create_task(self._reader.read(batches), name="ingest reader")
        self._reading.add_done_callback(self._changed)
        if self._is_draining or self._is_taken:
            self._stop_reading()
        has_told_draining = False
        while self._in_flight or not self._reading.done():
            self._raise_if_taken()
            if self._is_draining and not has_told_draining:
                has_told_draining = True
                yield DrainingNotice()
                continue  # while it was sent, everything may have changed
            if (ignored := self._reader.take_ignored()).batches:
                yield ignored
                continue
            if not self._in_flight.is_oldest_done():
                untold_s = told_s + ACK_INTERVAL_S - monotonic()
                if session.counts.committed_seq <= told_seq:
                    await self._wait_for_change()
                elif untold_s > 0:
                    await self._wait_for_change(at_most_s=untold_s)
                else:
                    told_seq, told_s = session.counts.committed_seq, monotonic()
                    yield Ack(session.counts, [])
                continue
            # Shielded: what has begun is written even if the client leaves, and then it is counted.
            writing = session.begin_write(self._write_finished())
            try:
                failures, credit = await asyncio.shield(writing)
            except Exception:
                if session.counts.committed_seq > told_seq:
                    yield Ack(session.counts, [])
                raise
            if failures or not self._in_flight or monotonic() - told_s >= ACK_INTERVAL_S:
                told_seq, told_s = session.counts.committed_seq, monotonic()
                yield Ack(session.counts, failures)
            yield credit
        self._raise_if_taken()
        if self._reading.cancelled():
            if not has_told_draining:
                yield DrainingNotice()
            raise Draining("the server is shutting down; resume the session on another one")
        self._reading.result()
        # gRPC shows a client that broke off as one that came to its end, until something is sent.
        session.is_over = True
        is_told = False
        try:
            yield Summary(session.counts, monotonic() - start_s)
            is_told = True
        finally:
            session.is_over = is_told

    def drain(self) -> None:
        """Take no more batches; finish what is there, and end with `Draining`."""
        self._is_draining = True
        self._stop_reading()

    def yield_to_successor(self) -> None:
        """Begin to write nothing more; the stream ends by itself."""
        self._is_taken = True
        self._stop_reading()

    async def close(self) -> None:
        """Stop; what is not acknowledged is the client's to send again."""
        self._stop_reading()
        tasks: list[asyncio.Task[Any]] = [*self._in_flight.tasks]
        for task in tasks:
            task.cancel()
        if self._reading is not None:
            tasks.append(self._reading)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.settled()

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
        """Write the oldest batch and the finished ones behind it; return what to tell of them."""
        finished = self._in_flight.finished(MAX_WRITE_ITEMS)
        items = [item for _, prepared in finished for item in prepared.items]
        await self._writer.write(finished[0][1].target, items)
        return self._commit(finished)

    def _commit(
        self, finished: Sequence[tuple[Pending, Prepared]]
    ) -> tuple[list[BatchFailure], Credit]:
        counts = self._session.counts
        failures: list[BatchFailure] = []
        for pending, prepared in finished:
            written = len(prepared.items) + prepared.already_written
            self._observer.ingested(
                written=written, failed=len(prepared.failures), skipped=prepared.skipped
            )
            failures += [BatchFailure(pending.seq, failure) for failure in prepared.failures]
            counts = Counts(
                committed_seq=pending.seq,
                written=counts.written + written,
                failed=counts.failed + len(prepared.failures),
                skipped=counts.skipped + prepared.skipped,
                bookmark=pending.bookmark,
            )
        credit = self._in_flight.drop(len(finished))
        self._session.commit(counts, failures)
        return failures, credit
