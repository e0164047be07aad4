"""Ingest streams: order, acknowledgement, credit, drain, rest; no network."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest
from fake_encoder import FakeEncoder
from ingest_streams import (
    PICTURES,
    Shelf,
    acks,
    batch,
    drain,
    ingester_of,
    last_ack,
    run,
    stream,
    summary,
)
from tihua_server import ingest_stream
from tihua_server.config import Config
from tihua_server.draft import Draft
from tihua_server.errors import Draining, OutOfOrder, Overloaded, StoreUnavailable, StreamIdle
from tihua_server.ingest_events import Ack, Batch, Credit, DrainingNotice, Event, Started
from tihua_server.ingester import Ingester
from tihua_server.served_models import ServedModels
from tihua_server.types import Encoder, FloatArray, Text, TokenArray
from tihua_server.writer import WriteMode


async def test_everything_sent_is_written_and_summed_up(ingester: Ingester, shelf: Shelf) -> None:
    """What was sent is what was written, failed or skipped."""
    events = await drain(run(ingester, stream(batch(1, "a", "b"), batch(2, "c"))))
    assert set(shelf.ids) == {"a", "b", "c"}
    assert isinstance(events[0], Started)
    counts = summary(events)
    assert (counts.committed_seq, counts.written) == (2, 3)


async def test_a_bad_item_is_named_and_its_neighbours_are_written(
    ingester: Ingester, shelf: Shelf
) -> None:
    """The failure carries its batch, place and id."""
    mixed = Batch(1, [Draft("good", Text("马")), Draft("bad", Text(" "))], 10)
    ack = last_ack(await drain(run(ingester, stream(mixed))))
    assert [(entry.seq, entry.failure.index, entry.failure.id) for entry in ack.failures] == [
        (1, 1, "bad")
    ]
    assert shelf.ids == ["good"]
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
    embedding = shelf.items(PICTURES)["same"].embedding
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
    assert shelf.ids == ["a"]


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
    assert isinstance(await anext(events), Credit)
    assert isinstance(await anext(events), DrainingNotice)
    with pytest.raises(Draining):
        await drain(events)
    with pytest.raises(Draining):
        await drain(run(ingester, stream(), session="another"))


async def test_a_drain_while_the_stream_begins_ends_it(ingester: Ingester) -> None:
    """However long the client takes to read what it is told first."""
    forever = asyncio.Event()
    events = run(ingester, stream(then=forever))
    assert isinstance(await anext(events), Started)
    ingester.drain()
    async with asyncio.timeout(10):
        assert isinstance(await anext(events), DrainingNotice)
        for _ in range(5):
            await asyncio.sleep(0)
        with pytest.raises(Draining):
            await anext(events)


async def test_a_store_that_is_away_ends_the_stream_and_nothing_is_acknowledged(
    ingester: Ingester, shelf: Shelf
) -> None:
    """The session can be resumed from where it was."""
    shelf.error = StoreUnavailable("the store is away")
    with pytest.raises(StoreUnavailable):
        await drain(run(ingester, stream(batch(1, "a"))))
    shelf.error = None
    events = await drain(run(ingester, stream(batch(1, "a"))))
    started = events[0]
    assert isinstance(started, Started)
    assert started.committed_seq == 0
    assert shelf.ids == ["a"]


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
    failed = [(entry.seq, entry.failure.index) for ack in acks(events) for entry in ack.failures]
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


@pytest.mark.parametrize(
    ("mode", "failed", "skipped"),
    [(WriteMode.INSERT_ONLY, [0, 2], 0), (WriteMode.SKIP_EXISTING, [0], 1)],
)
async def test_an_item_that_fails_does_not_stand_for_its_id(
    ingester: Ingester, shelf: Shelf, mode: WriteMode, failed: list[int], skipped: int
) -> None:
    """Of several with one id in a batch the first that can be embedded is stored."""
    texts = ["", "马", "牛"]
    drafts = [Draft("a", Text(text), uri=text) for text in texts]
    events = await drain(run(ingester, stream(Batch(1, drafts, 10)), mode=mode))
    failures = [entry.failure for ack in acks(events) for entry in ack.failures]
    assert [failure.index for failure in failures] == failed
    assert failures[0].error.reason == "EMPTY_TEXT"
    counts = last_ack(events).counts
    assert (counts.written, counts.skipped) == (1, skipped)
    assert shelf.items(PICTURES)["a"].uri == "马"


async def test_a_client_that_has_sent_all_before_the_drain_gets_its_summary(
    ingester: Ingester, shelf: Shelf
) -> None:
    """Nothing is left to be resumed elsewhere."""
    shelf.is_open.clear()
    events = run(ingester, stream(batch(1, "a")))
    assert isinstance(await anext(events), Started)
    reading = asyncio.ensure_future(anext(events))
    await shelf.has_been_asked.wait()
    ingester.drain()
    shelf.is_open.set()
    assert isinstance(await reading, Ack)
    assert summary(await drain(events)).written == 1


async def test_acknowledgements_are_apart_while_there_is_more_to_write(
    ingester: Ingester, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a clock that stands still only the first and the last come, each credit at once."""
    monkeypatch.setattr(ingest_stream, "monotonic", lambda: 0.0)
    monkeypatch.setattr(ingest_stream, "MAX_WRITE_ITEMS", 1)
    shelf.is_open.clear()
    events = run(ingester, stream(*(batch(seq, f"{seq}") for seq in range(1, 5))))
    assert isinstance(await anext(events), Started)
    reading = asyncio.ensure_future(drain(events))
    await shelf.has_been_asked.wait()
    shelf.is_open.set()
    told = await reading
    assert shelf.writes == [["1"], ["2"], ["3"], ["4"]]
    assert [ack.counts.committed_seq for ack in acks(told)] == [1, 4]
    assert len([event for event in told if isinstance(event, Credit)]) == 4


async def test_a_failure_is_told_at_once(
    ingester: Ingester, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However close to the acknowledgement before it."""
    monkeypatch.setattr(ingest_stream, "monotonic", lambda: 0.0)
    monkeypatch.setattr(ingest_stream, "MAX_WRITE_ITEMS", 1)
    shelf.is_open.clear()
    mixed = Batch(2, [Draft("b", Text("马")), Draft("bad", Text(""))], 10)
    events = run(ingester, stream(batch(1, "a"), mixed, batch(3, "c")))
    assert isinstance(await anext(events), Started)
    reading = asyncio.ensure_future(drain(events))
    await shelf.has_been_asked.wait()
    shelf.is_open.set()
    assert [ack.counts.committed_seq for ack in acks(await reading)] == [1, 2, 3]


async def test_a_store_that_goes_away_does_not_hide_what_was_safe_before(
    ingester: Ingester, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An acknowledgement that was waiting for its time comes before the error."""
    monkeypatch.setattr(ingest_stream, "monotonic", lambda: 0.0)
    monkeypatch.setattr(ingest_stream, "MAX_WRITE_ITEMS", 1)
    shelf.is_open.clear()
    shelf.leaves_after = 2
    events = run(ingester, stream(*(batch(seq, f"{seq}") for seq in range(1, 5))))
    assert isinstance(await anext(events), Started)
    reading = asyncio.ensure_future(anext(events))
    await shelf.has_been_asked.wait()
    shelf.is_open.set()
    told = [await reading, *[await anext(events) for _ in range(3)]]
    assert [type(event) for event in told] == [Ack, Credit, Credit, Ack]
    assert last_ack(told).counts.committed_seq == 2
    with pytest.raises(StoreUnavailable):
        await anext(events)


class LongReading(FakeEncoder):
    """Reads short texts at once, and longer ones when it may."""

    def __init__(self) -> None:
        """Wait for leave."""
        super().__init__()
        self.may_read = threading.Event()

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Wait, then encode."""
        if max(map(len, texts)) > len("[马]"):
            assert self.may_read.wait(30)
        return super().encode_texts(texts)


async def test_what_is_safe_is_told_while_the_next_batch_is_embedded(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An acknowledgement that was waiting for its time does not wait for a slow model too."""
    monkeypatch.setattr(ingest_stream, "MAX_WRITE_ITEMS", 1)
    encoder = LongReading()
    models = ServedModels([encoder], Config(max_batch_size=8))

    async def batches() -> AsyncIterator[Batch]:
        yield batch(1, "a")
        yield batch(2, "b")
        while sum(encoder.batch_sizes) < 2:
            await asyncio.sleep(0)
        yield batch(3, "c", text="枯藤老树昏鸦")
        shelf.is_open.set()

    shelf.is_open.clear()
    events = run(ingester_of(models, shelf), batches())
    told: list[Event] = []
    async with asyncio.timeout(10):
        while not acks(told) or last_ack(told).counts.committed_seq < 2:
            told.append(await anext(events))
    encoder.may_read.set()
    assert summary(await drain(events)).written == 3
    await models.close()


async def test_a_stream_whose_client_sends_nothing_is_ended(
    models: ServedModels, shelf: Shelf
) -> None:
    """After what it sent before is safe; the session can be opened again."""
    resting = ingester_of(models, shelf, idle_timeout_s=0.05)
    forever = asyncio.Event()
    events = run(resting, stream(batch(1, "a"), then=forever))
    assert isinstance(await anext(events), Started)
    assert isinstance(await anext(events), Ack)
    with pytest.raises(StreamIdle, match=r"no batch came for 0\.05 s"):
        await drain(events)
    assert summary(await drain(run(resting, stream(batch(2, "b"))))).written == 2


async def test_a_store_that_is_slow_is_no_rest(models: ServedModels, shelf: Shelf) -> None:
    """Only a client that has nothing under way is idle."""
    busy = ingester_of(models, shelf, idle_timeout_s=0.05)
    shelf.is_open.clear()
    asyncio.get_running_loop().call_later(0.2, shelf.is_open.set)
    assert summary(await drain(run(busy, stream(batch(1, "a"))))).written == 1


async def test_streams_share_the_room_for_what_is_to_be_embedded(
    models: ServedModels, shelf: Shelf
) -> None:
    """Each holds one batch beyond it, however many there are, and all are written in the end."""
    narrow = ingester_of(models, shelf, room_bytes=15)
    streams = [
        drain(
            run(narrow, stream(*(batch(seq, f"{name}{seq}") for seq in range(1, 5))), session=name)
        )
        for name in "abc"
    ]
    counts = [summary(events).written for events in await asyncio.gather(*streams)]
    assert counts == [4, 4, 4]
    assert len(shelf.ids) == 12


async def test_a_client_that_does_not_read_keeps_no_room(
    models: ServedModels, shelf: Shelf
) -> None:
    """Its batches are embedded and wait for it; others go on."""
    narrow = ingester_of(models, shelf, room_bytes=10)
    silent = run(narrow, stream(batch(1, "a"), batch(2, "b")), session="silent")
    assert isinstance(await anext(silent), Started)
    assert isinstance(await anext(silent), Ack)
    events = await drain(run(narrow, stream(batch(1, "c"), batch(2, "d")), session="other"))
    assert summary(events).written == 2
    await silent.aclose()
