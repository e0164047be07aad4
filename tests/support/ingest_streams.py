"""Ingest streams without a network: a store of their own, batches of texts, and how to run them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from fake_encoder import FakeEncoder
from in_memory_store import InMemoryStore
from tihua_server.collection import CollectionSpec, Index, IndexType
from tihua_server.config import Limits
from tihua_server.errors import OutOfOrder, StoreUnavailable
from tihua_server.ingest.draft import Draft, WriteMode
from tihua_server.ingest.events import Ack, Credit, DraftBatch, Event, Summary
from tihua_server.ingest.ingester import Ingester
from tihua_server.ingest.session import NOTHING_READ, Progress
from tihua_server.ingest.writer import Writer
from tihua_server.item import Item
from tihua_server.served_models import ServedModels
from tihua_server.types import Text

PICTURES = "pictures"
GRANT = Credit(batches=4, size_bytes=1_000)


class Shelf(InMemoryStore):
    """A store with one collection of the fake model, whose writes can be held up."""

    def __init__(self) -> None:
        """Start empty, letting writes pass."""
        info = FakeEncoder.info
        super().__init__(CollectionSpec(PICTURES, info.ref, info.dim, Index(IndexType.FLAT)))
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.has_been_asked = asyncio.Event()
        self.leaves_after = 1_000
        self.writes: list[list[str]] = []

    @property
    def ids(self) -> list[str]:
        """Ids of the stored items, in the order of their first write."""
        return list(self.items(PICTURES))

    async def upsert(self, name: str, items: Sequence[Item]) -> None:
        """Write once `is_open` is set."""
        self.has_been_asked.set()
        await self.is_open.wait()
        if len(self.writes) == self.leaves_after:
            raise StoreUnavailable("the store is away")
        await super().upsert(name, items)
        self.writes.append([item.id for item in items])


def ingester_of(
    models: ServedModels,
    shelf: Shelf,
    *,
    idle_timeout_s: float = 300.0,
    room_bytes: int = 10_000,
    max_sessions: int = 100,
    max_kept_failures: int = 1_000,
) -> Ingester:
    """Return an ingester as in a server; a stream may have four batches in flight."""
    writer = Writer(models, shelf, Limits())
    return Ingester(
        writer,
        grant=GRANT,
        room_bytes=room_bytes,
        idle_timeout_s=idle_timeout_s,
        max_sessions=max_sessions,
        max_kept_failures=max_kept_failures,
    )


def batch(
    seq: int, *ids: str, size_bytes: int = 10, text: str = "马", bookmark: str = ""
) -> DraftBatch:
    """Return a batch of texts; an empty text makes a bad item."""
    return DraftBatch(seq, [Draft(item_id, Text(text)) for item_id in ids], size_bytes, bookmark)


async def stream(
    *batches: DraftBatch, then: asyncio.Event | None = None
) -> AsyncIterator[DraftBatch]:
    """Send batches; stay open until `then` is set."""
    for entry in batches:
        yield entry
    if then is not None:
        await then.wait()


def run(
    ingester: Ingester,
    batches: AsyncIterator[DraftBatch],
    *,
    session: str = "s",
    mode: WriteMode = WriteMode.UPSERT,
    read: Progress = NOTHING_READ,
) -> AsyncGenerator[Event, None]:
    """Open a stream."""
    return ingester.ingest(session, PICTURES, mode, batches, read=read)


async def drain(events: AsyncGenerator[Event, None]) -> list[Event]:
    """Read a stream to its end."""
    async with contextlib.aclosing(events):
        return [event async for event in events]


async def break_off(ingester: Ingester, *batches: DraftBatch, session: str = "s") -> None:
    """Write batches over a stream that then breaks, without a summary."""
    gap = batch(batches[-1].seq + 2, "lost")
    with contextlib.suppress(OutOfOrder):
        await drain(run(ingester, stream(*batches, gap), session=session))


def acks(events: Sequence[Event]) -> list[Ack]:
    """Return the acknowledgements."""
    return [event for event in events if isinstance(event, Ack)]


def last_ack(events: Sequence[Event]) -> Ack:
    """Return the last acknowledgement."""
    return acks(events)[-1]


def summary(events: Sequence[Event]) -> Progress:
    """Return the progress that a stream ended with."""
    assert isinstance(events[-1], Summary)
    return events[-1].progress
