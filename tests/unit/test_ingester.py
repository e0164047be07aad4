"""Ingest streams: order, acknowledgement, credit, resume, drain; no network."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import cast

import pytest
from fake_encoder import FakeEncoder
from tihua_server.config import Config, Limits
from tihua_server.errors import (
    Draining,
    OutOfOrder,
    Overloaded,
    SessionConflict,
    SessionTaken,
    StoreUnavailable,
)
from tihua_server.ingest_stream import Ack, Batch, Credit, Event, Started, Summary
from tihua_server.ingester import Ingester
from tihua_server.served_models import ServedModels
from tihua_server.types import (
    CollectionSpec,
    Encoder,
    Fields,
    Index,
    IndexType,
    Item,
    Text,
    VectorStore,
)
from tihua_server.writer import Draft, WriteMode, Writer

GRANT = Credit(batches=4, size_bytes=1_000)


class Shelf:
    """As much of a store as an ingest needs, and a hand on its door."""

    def __init__(self) -> None:
        """Begin empty and open."""
        self.items: dict[str, Item] = {}
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.has_been_asked = asyncio.Event()
        self.is_away = False
        self.writes: list[list[str]] = []

    async def upsert(self, name: str, items: Sequence[Item]) -> None:
        """Write, as soon as the door is open."""
        self.has_been_asked.set()
        await self.is_open.wait()
        if self.is_away:
            raise StoreUnavailable("the store is away")
        self.writes.append([item.id for item in items])
        self.items |= {item.id: item for item in items}

    async def spec(self, name: str) -> CollectionSpec:
        """Return what every name stands for: a collection of the fake model."""
        info = FakeEncoder.info
        return CollectionSpec(name, info.ref, info.dim, Index(IndexType.FLAT))

    async def get(self, name: str, ids: Sequence[str], fields: Fields) -> list[Item]:
        """Return what is there."""
        return [self.items[item_id] for item_id in ids if item_id in self.items]


@pytest.fixture
def shelf() -> Shelf:
    """An empty store."""
    return Shelf()


@pytest.fixture
async def ingester(encoder: Encoder, shelf: Shelf) -> AsyncIterator[Ingester]:
    """An ingester whose streams may have four batches in flight."""
    config = Config(max_batch_size=8, max_queue_size=64, preprocess_threads=1)
    models = ServedModels([encoder], config)
    yield Ingester(Writer(models, cast("VectorStore", shelf), Limits()), grant=GRANT)
    await models.close()


def batch(seq: int, *ids: str, size_bytes: int = 10, text: str = "马") -> Batch:
    """Return a batch of texts; an empty text makes a bad item."""
    return Batch(seq, [Draft(item_id, Text(text)) for item_id in ids], size_bytes)


async def stream(*batches: Batch, then: asyncio.Event | None = None) -> AsyncIterator[Batch]:
    """Send batches; stay open until `then` is set."""
    for entry in batches:
        yield entry
    if then is not None:
        await then.wait()


def run(
    ingester: Ingester,
    batches: AsyncIterator[Batch],
    *,
    session: str = "s",
    mode: WriteMode = WriteMode.UPSERT,
    read_seq: int = 0,
) -> AsyncGenerator[Event, None]:
    """Open a stream."""
    return ingester.ingest(session, "pictures", mode, batches, read_seq=read_seq)


async def drain(events: AsyncGenerator[Event, None]) -> list[Event]:
    """Read a stream to its end."""
    async with contextlib.aclosing(events):
        return [event async for event in events]


def last_ack(events: Sequence[Event]) -> Ack:
    """Return the last acknowledgement."""
    return [event for event in events if isinstance(event, Ack)][-1]


async def test_everything_sent_is_written_and_summed_up(ingester: Ingester, shelf: Shelf) -> None:
    """What was sent is what was written, failed or skipped."""
    events = await drain(run(ingester, stream(batch(1, "a", "b"), batch(2, "c"))))
    assert set(shelf.items) == {"a", "b", "c"}
    assert isinstance(events[0], Started)
    summary = events[-1]
    assert isinstance(summary, Summary)
    assert (summary.counts.committed_seq, summary.counts.written) == (2, 3)


async def test_a_bad_item_is_named_and_its_neighbours_are_written(
    ingester: Ingester, shelf: Shelf
) -> None:
    """The failure carries its batch, place and id."""
    mixed = Batch(1, [Draft("good", Text("马")), Draft("bad", Text(" "))], 10)
    ack = last_ack(await drain(run(ingester, stream(mixed))))
    assert [(entry.seq, entry.failure.index, entry.failure.id) for entry in ack.failures] == [
        (1, 1, "bad")
    ]
    assert list(shelf.items) == ["good"]
    assert (ack.counts.written, ack.counts.failed) == (1, 1)


async def test_what_is_acknowledged_is_in_the_store(ingester: Ingester, shelf: Shelf) -> None:
    """No acknowledgement comes while the store has not taken the rows."""
    shelf.is_open.clear()
    events = run(ingester, stream(batch(1, "a")))
    assert isinstance(await anext(events), Started)
    next_event = asyncio.ensure_future(anext(events))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(next_event), 0.05)
    shelf.is_open.set()
    ack = await next_event
    assert isinstance(ack, Ack)
    assert ack.counts.committed_seq == 1
    await events.aclose()


async def test_of_two_items_with_one_id_the_last_is_kept(
    ingester: Ingester, shelf: Shelf, encoder: Encoder
) -> None:
    """Batches are written in their order, though they are embedded side by side."""
    batches = [batch(seq, "same", text=f"第{seq}") for seq in range(1, 5)]
    await drain(run(ingester, stream(*batches)))
    expected = encoder.encode_texts([encoder.tokenize("第4").ids])[0]
    embedding = shelf.items["same"].embedding
    assert embedding is not None
    assert (embedding == expected).all()


async def test_credit_comes_back_as_batches_are_written(ingester: Ingester) -> None:
    """Grants add up to what was sent."""
    events = await drain(run(ingester, stream(*(batch(seq, f"{seq}") for seq in range(1, 5)))))
    grants = [event for event in events if isinstance(event, Credit)]
    assert sum(grant.batches for grant in grants) == 4
    assert sum(grant.size_bytes for grant in grants) == 40


@pytest.mark.parametrize(
    "batches",
    [
        [batch(seq, f"{seq}") for seq in range(1, 7)],
        [batch(1, "big", size_bytes=2_000)],
    ],
    ids=["batches", "bytes"],
)
async def test_more_than_was_granted_ends_the_stream(
    ingester: Ingester, shelf: Shelf, batches: list[Batch]
) -> None:
    """A client that ignores credit can't fill the server's memory."""
    shelf.is_open.clear()
    asyncio.get_running_loop().call_later(0.05, shelf.is_open.set)
    with pytest.raises(Overloaded, match="wait for credit"):
        await drain(run(ingester, stream(*batches)))


async def test_a_gap_ends_the_stream_after_what_came_before_is_safe(
    ingester: Ingester, shelf: Shelf
) -> None:
    """The error names the number that was due."""
    with pytest.raises(OutOfOrder, match="batch 3 came where 2 was due"):
        await drain(run(ingester, stream(batch(1, "a"), batch(3, "c"))))
    assert list(shelf.items) == ["a"]


async def test_a_session_goes_on_where_it_was_safe(ingester: Ingester, shelf: Shelf) -> None:
    """After a break, batches that are safe already are ignored; counts go on."""
    with pytest.raises(OutOfOrder):
        await drain(run(ingester, stream(batch(1, "a"), batch(2, "b"), batch(9, "z"))))
    shelf.writes.clear()
    events = await drain(
        run(ingester, stream(batch(1, "a"), batch(2, "b"), batch(3, "c")), read_seq=2)
    )
    started, summary = events[0], events[-1]
    assert isinstance(started, Started)
    assert started.committed_seq == 2
    assert shelf.writes == [["c"]]
    assert isinstance(summary, Summary)
    assert (summary.counts.committed_seq, summary.counts.written) == (3, 3)


async def test_failures_that_a_break_hid_are_told_again(ingester: Ingester) -> None:
    """The client says what it has read; the rest comes first."""
    bad = Batch(1, [Draft("bad", Text(""))], 10)
    await drain(run(ingester, stream(bad)))
    again = await drain(run(ingester, stream(), read_seq=0))
    assert [entry.failure.id for entry in last_ack(again).failures] == ["bad"]
    known = await drain(run(ingester, stream(), read_seq=1))
    assert not [event for event in known if isinstance(event, Ack)]


async def test_a_second_stream_of_a_session_ends_the_first(
    ingester: Ingester, shelf: Shelf
) -> None:
    """A client that reconnects before the server noticed the break goes on at once."""
    is_over = asyncio.Event()
    first = run(ingester, stream(batch(1, "a"), then=is_over))
    assert isinstance(await anext(first), Started)
    assert isinstance(await anext(first), Ack)
    events = await drain(run(ingester, stream(batch(2, "b"))))
    assert isinstance(events[-1], Summary)
    with pytest.raises(SessionTaken):
        await drain(first)
    assert set(shelf.items) == {"a", "b"}


async def test_a_session_is_for_one_collection_and_mode(ingester: Ingester) -> None:
    """A session id that is used twice by mistake is told so."""
    await drain(run(ingester, stream()))
    with pytest.raises(SessionConflict, match="use a new session id"):
        await drain(run(ingester, stream(), mode=WriteMode.INSERT_ONLY))


async def test_draining_finishes_what_was_taken(ingester: Ingester, shelf: Shelf) -> None:
    """Everything taken is acknowledged before the stream ends with Draining."""
    is_over = asyncio.Event()
    shelf.is_open.clear()
    events = run(ingester, stream(batch(1, "a"), batch(2, "b"), then=is_over))
    assert isinstance(await anext(events), Started)
    reading = asyncio.ensure_future(anext(events))
    await shelf.has_been_asked.wait()
    ingester.drain()
    shelf.is_open.set()
    assert isinstance(await reading, Ack)
    with pytest.raises(Draining):
        await drain(events)
    with pytest.raises(Draining):
        await drain(run(ingester, stream(), session="another"))


async def test_a_store_that_is_away_ends_the_stream_and_nothing_is_acknowledged(
    ingester: Ingester, shelf: Shelf
) -> None:
    """The session can be resumed from where it was."""
    shelf.is_away = True
    with pytest.raises(StoreUnavailable):
        await drain(run(ingester, stream(batch(1, "a"))))
    shelf.is_away = False
    events = await drain(run(ingester, stream(batch(1, "a"))))
    started = events[0]
    assert isinstance(started, Started)
    assert started.committed_seq == 0
    assert list(shelf.items) == ["a"]


async def test_insert_only_fails_what_is_there(ingester: Ingester, shelf: Shelf) -> None:
    """In the store, in flight or in the same batch: the first stays."""
    await drain(run(ingester, stream(batch(1, "a")), session="before"))
    events = await drain(
        run(
            ingester,
            stream(batch(1, "a", "b", "b"), batch(2, "b")),
            mode=WriteMode.INSERT_ONLY,
            session="insert",
        )
    )
    ack = [event for event in events if isinstance(event, Ack)]
    failed = [(entry.seq, entry.failure.index) for one in ack for entry in one.failures]
    assert failed == [(1, 0), (1, 2), (2, 0)]


async def test_skip_existing_embeds_nothing_that_is_there(
    ingester: Ingester, shelf: Shelf, encoder: FakeEncoder
) -> None:
    """Skipped items are counted, and the model does not see them."""
    await drain(run(ingester, stream(batch(1, "a", "b")), session="before"))
    seen = sum(encoder.batch_sizes)
    events = await drain(
        run(
            ingester, stream(batch(1, "a", "b", "c")), mode=WriteMode.SKIP_EXISTING, session="after"
        )
    )
    counts = last_ack(events).counts
    assert (counts.skipped, counts.written) == (2, 1)
    assert sum(encoder.batch_sizes) - seen == 1
