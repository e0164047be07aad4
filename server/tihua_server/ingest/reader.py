"""The reading end of an ingest stream: accepts batches and starts to embed each one.

It accepts no more than the granted credit, and waits while the room that all streams share is full.
A batch leaves this room as soon as it is embedded, whether or not its client reads.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial

from tihua_server.batching.admission import Budget
from tihua_server.batching.lane import Lane
from tihua_server.errors import OutOfOrder
from tihua_server.ingest.draft import WriteMode
from tihua_server.ingest.events import Credit, DraftBatch
from tihua_server.ingest.in_flight import InFlight
from tihua_server.ingest.session import Session
from tihua_server.ingest.writer import Writer


class IngestReader:
    """Reads one stream of a session.

    Attributes:
        is_held_up: whether a batch waits for room.
    """

    def __init__(
        self,
        session: Session,
        writer: Writer,
        in_flight: InFlight,
        *,
        model: str,
        room: Budget,
        when_changed: Callable[[], None],
    ) -> None:
        """Prepare to read one stream.

        Args:
            session: the session that the stream continues.
            writer: prepares items.
            in_flight: gets each accepted batch, and the task that embeds it.
            model: the model that the client names; empty means the collection's.
            room: bounds the bytes that are being embedded, for all streams together.
            when_changed: called when a batch has arrived or is embedded.
        """
        self.is_held_up = False
        self._session = session
        self._writer = writer
        self._in_flight = in_flight
        self._model = model
        self._room = room
        self._when_changed = when_changed
        self._ignored = Credit(0, 0)

    async def read(self, batches: AsyncIterator[DraftBatch]) -> None:
        """Accept batches until there are no more; those that are committed already are ignored.

        Raises:
            OutOfOrder: a batch is missing.
            Overloaded: the client sent more than was granted.
        """
        session = self._session
        next_seq = session.progress.committed_seq + 1
        async for batch in batches:
            if batch.seq < next_seq:
                self._ignored = Credit(
                    self._ignored.batches + 1, self._ignored.size_bytes + batch.size_bytes
                )
                self._when_changed()
                continue
            if batch.seq > next_seq:
                raise OutOfOrder(
                    f"batch {batch.seq} came where {next_seq} was expected; resume with that one",
                    metadata={"seq": batch.seq, "expected": next_seq},
                )
            self._in_flight.check(batch)
            next_seq += 1
            self.is_held_up = True
            self._when_changed()
            await self._room.take(batch.size_bytes)
            self.is_held_up = False
            replaces = session.mode is WriteMode.UPSERT  # whatever is there
            task = asyncio.create_task(
                self._writer.prepare(
                    session.collection,
                    [
                        replace(draft, origin=session.origin(batch.seq, index))
                        for index, draft in enumerate(batch.drafts)
                    ],
                    model=self._model,
                    mode=session.mode,
                    earlier=() if replaces else self._in_flight.with_ids_of(batch),
                    lane=Lane.BULK,
                    wait=True,
                )
            )
            task.add_done_callback(partial(self._embedded, batch.size_bytes))
            self._in_flight.add(batch, task)
            del batch  # not kept until the next one arrives

    def take_ignored(self) -> Credit:
        """Return the credit of the batches that were ignored since the last call."""
        ignored, self._ignored = self._ignored, Credit(0, 0)
        return ignored

    def _embedded(self, size_bytes: int, _: object) -> None:
        self._room.give(size_bytes)
        self._when_changed()
