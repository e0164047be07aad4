"""One ingest stream: batches embedded side by side, written in their order, acknowledged.

    reader ──> pending batches, each embedding in a task of its own ──> writer ──> events

The reader takes what the client was granted and no more. The writer waits for the oldest batch,
takes the finished ones behind it along, writes them in one call and tells the client: so a batch
is acknowledged only after every batch before it, and an id that comes twice keeps its last content.
A client that does not read the events stops the writer, and with it the grants: what one stream
holds in memory never exceeds its first grant.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeAlias

from tihua_server.batcher import Lane
from tihua_server.errors import Draining, OutOfOrder, Overloaded, SessionTaken
from tihua_server.observer import Observer
from tihua_server.types import Item
from tihua_server.writer import Draft, Failure, Prepared, WriteMode, Writer

MAX_WRITE_ITEMS = 1_000
"""Rows of one call to the store, about which inserts are fastest (measured with pymilvus)."""

MAX_KEPT_FAILURES = 1_000
"""Failures that a session remembers for a client that may not have read them."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a client sends: its number in the session, its items, its size on the wire."""

    seq: int
    drafts: Sequence[Draft]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Credit:
    """Leave to send, in batches and bytes; grants add up."""

    batches: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Counts:
    """A session from its beginning: what is safe, and what became of the items."""

    committed_seq: int = 0
    written: int = 0
    failed: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Started:
    """The first event."""

    committed_seq: int
    credit: Credit


@dataclass(frozen=True, slots=True)
class BatchFailure:
    """An item that failed, and its batch."""

    seq: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Ack:
    """Every batch up to `counts.committed_seq` is in the store, or its items failed."""

    counts: Counts
    failures: list[BatchFailure]


@dataclass(frozen=True, slots=True)
class DrainingNotice:
    """The server shuts down: send nothing more."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The last event of a stream that ended well."""

    counts: Counts
    elapsed_s: float


Event: TypeAlias = Started | Credit | Ack | DrainingNotice | Summary


@dataclass(slots=True)
class Session:
    """What is remembered of an ingest between its streams.

    Attributes:
        collection, mode: what it was opened for.
        counts: what is safe.
        failures: the latest, for a client whose stream broke before it read of them.
        stream: the one that is open.
    """

    collection: str
    mode: WriteMode
    counts: Counts = field(default_factory=Counts)
    failures: deque[BatchFailure] = field(default_factory=lambda: deque(maxlen=MAX_KEPT_FAILURES))
    stream: "IngestStream | None" = None


@dataclass(frozen=True, slots=True)
class _Pending:
    batch: Batch
    task: asyncio.Task[Prepared]


class IngestStream:
    """One stream of a session: a reader, the batches in flight, and the writer (`run`)."""

    def __init__(self, session: Session, writer: Writer, grant: Credit, observer: Observer) -> None:
        """Take the session, what may be in flight, and who hears of it."""
        self._observer = observer
        self._session = session
        self._writer = writer
        self._grant = grant
        self._pending: deque[_Pending] = deque()
        self._pending_ids: Counter[str] = Counter()
        self._in_flight_bytes = 0
        self._arrival = asyncio.Event()
        self._committing = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._is_taken = False
        self._is_draining = False

    async def run(
        self, batches: AsyncIterator[Batch], read_seq: int
    ) -> AsyncGenerator[Event, None]:
        """Write the batches; yield what the client must know. `Ingester.ingest` says the rest."""
        start_s = monotonic()
        session = self._session
        yield Started(session.counts.committed_seq, self._grant)
        if unread := [failure for failure in session.failures if failure.seq > read_seq]:
            yield Ack(session.counts, unread)
        self._reader = asyncio.create_task(self._read(batches), name="ingest reader")
        self._reader.add_done_callback(lambda _: self._arrival.set())
        while self._pending or not self._reader.done():
            if not self._pending:
                self._arrival.clear()
                await self._arrival.wait()
                continue
            async with self._committing:
                self._raise_if_taken()
                ack, credit = await self._commit_finished()
            yield ack
            yield credit
        self._raise_if_taken()
        if self._is_draining:
            yield DrainingNotice()
            raise Draining("the server is shutting down; resume the session on another one")
        self._reader.result()
        yield Summary(session.counts, monotonic() - start_s)

    def drain(self) -> None:
        """Take no more batches; finish what is there, and end with `Draining`."""
        self._is_draining = True
        self._stop_reading()

    async def yield_to_successor(self) -> None:
        """Write no more; return when what was being written is. The stream ends by itself."""
        self._is_taken = True
        self._stop_reading()
        async with self._committing:
            pass

    async def close(self) -> None:
        """Stop at once; what is not acknowledged is the client's to send again."""
        for pending in self._pending:
            pending.task.cancel()
        self._stop_reading()
        await asyncio.gather(*(entry.task for entry in self._pending), return_exceptions=True)
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)

    def _raise_if_taken(self) -> None:
        if self._is_taken:
            raise SessionTaken("the session went on in another stream; this one ends")

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.cancel()

    async def _read(self, batches: AsyncIterator[Batch]) -> None:
        next_seq = self._session.counts.committed_seq + 1
        async for batch in batches:
            if batch.seq < next_seq:
                continue
            if batch.seq > next_seq:
                raise OutOfOrder(
                    f"batch {batch.seq} came where {next_seq} was due; resume with that one",
                    metadata={"seq": batch.seq, "expected": next_seq},
                )
            self._check_credit(batch)
            next_seq += 1
            task = asyncio.create_task(
                self._writer.prepare(
                    self._session.collection,
                    batch.drafts,
                    mode=self._session.mode,
                    taken=frozenset(self._pending_ids),
                    lane=Lane.BULK,
                    wait=True,
                )
            )
            self._pending.append(_Pending(batch, task))
            self._in_flight_bytes += batch.size_bytes
            if self._session.mode is not WriteMode.UPSERT:
                self._pending_ids.update(draft.id for draft in batch.drafts)
            self._arrival.set()

    def _check_credit(self, batch: Batch) -> None:
        in_flight = len(self._pending) + 1
        in_flight_bytes = self._in_flight_bytes + batch.size_bytes
        if in_flight > self._grant.batches or in_flight_bytes > self._grant.size_bytes:
            raise Overloaded(
                f"batch {batch.seq} makes {in_flight} batches and {in_flight_bytes} bytes in "
                f"flight; the grant was {self._grant.batches} batches and "
                f"{self._grant.size_bytes} bytes: wait for credit"
            )

    async def _commit_finished(self) -> tuple[Ack, Credit]:
        """Write the oldest batch and the finished ones behind it; return what to tell of them."""
        await asyncio.wait([self._pending[0].task])
        finished: list[tuple[Batch, Prepared]] = []
        items: list[Item] = []
        for pending in self._pending:
            is_ready = pending.task.done() and pending.task.exception() is None
            if finished and (not is_ready or len(items) >= MAX_WRITE_ITEMS):
                break
            prepared = pending.task.result()
            finished.append((pending.batch, prepared))
            items += prepared.items
        await self._writer.write(self._session.collection, items)
        return self._committed(finished)

    def _committed(self, finished: Sequence[tuple[Batch, Prepared]]) -> tuple[Ack, Credit]:
        counts = self._session.counts
        failures: list[BatchFailure] = []
        freed_bytes = 0
        for batch, prepared in finished:
            self._pending.popleft()
            self._observer.ingested(
                written=len(prepared.items),
                failed=len(prepared.failures),
                skipped=prepared.skipped,
            )
            freed_bytes += batch.size_bytes
            failures += [BatchFailure(batch.seq, failure) for failure in prepared.failures]
            counts = Counts(
                committed_seq=batch.seq,
                written=counts.written + len(prepared.items),
                failed=counts.failed + len(prepared.failures),
                skipped=counts.skipped + prepared.skipped,
            )
            if self._session.mode is not WriteMode.UPSERT:
                self._pending_ids -= Counter(draft.id for draft in batch.drafts)
        self._in_flight_bytes -= freed_bytes
        self._session.counts = counts
        self._session.failures.extend(failures)
        return Ack(counts, failures), Credit(len(finished), freed_bytes)
