"""When a client is told what is safe: at its time, at once, before an error."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest
from fake_encoder import FakeEncoder
from ingest_streams import Shelf, acks, batch, drain, ingester_of, last_ack, run, stream, summary
from tihua_server.config import Config
from tihua_server.errors import StoreUnavailable
from tihua_server.ingest import stream as stream_module
from tihua_server.ingest.draft import Draft
from tihua_server.ingest.events import Ack, Credit, DraftBatch, Event, Started
from tihua_server.ingest.ingester import Ingester
from tihua_server.served_models import ServedModels
from tihua_server.types import FloatArray, Text, TokenArray


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
    assert ack.progress.committed_seq == 1
    await events.aclose()


async def test_acknowledgements_are_apart_while_there_is_more_to_write(
    ingester: Ingester, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a clock that stands still only the first and the last come, each credit at once."""
    monkeypatch.setattr(stream_module, "monotonic", lambda: 0.0)
    monkeypatch.setattr(stream_module, "MAX_WRITE_ITEMS", 1)
    shelf.is_open.clear()
    events = run(ingester, stream(*(batch(seq, f"{seq}") for seq in range(1, 5))))
    assert isinstance(await anext(events), Started)
    reading = asyncio.ensure_future(drain(events))
    await shelf.has_been_asked.wait()
    shelf.is_open.set()
    told = await reading
    assert shelf.writes == [["1"], ["2"], ["3"], ["4"]]
    assert [ack.progress.committed_seq for ack in acks(told)] == [1, 4]
    assert len([event for event in told if isinstance(event, Credit)]) == 4


async def test_a_failure_is_told_at_once(
    ingester: Ingester, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However close to the acknowledgement before it."""
    monkeypatch.setattr(stream_module, "monotonic", lambda: 0.0)
    monkeypatch.setattr(stream_module, "MAX_WRITE_ITEMS", 1)
    shelf.is_open.clear()
    mixed = DraftBatch(2, [Draft("b", Text("马")), Draft("bad", Text(""))], 10)
    events = run(ingester, stream(batch(1, "a"), mixed, batch(3, "c")))
    assert isinstance(await anext(events), Started)
    reading = asyncio.ensure_future(drain(events))
    await shelf.has_been_asked.wait()
    shelf.is_open.set()
    assert [ack.progress.committed_seq for ack in acks(await reading)] == [1, 2, 3]


async def test_a_store_that_goes_away_does_not_hide_what_was_safe_before(
    ingester: Ingester, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An acknowledgement that was waiting for its time comes before the error."""
    monkeypatch.setattr(stream_module, "monotonic", lambda: 0.0)
    monkeypatch.setattr(stream_module, "MAX_WRITE_ITEMS", 1)
    shelf.is_open.clear()
    shelf.leaves_after = 2
    events = run(ingester, stream(*(batch(seq, f"{seq}") for seq in range(1, 5))))
    assert isinstance(await anext(events), Started)
    reading = asyncio.ensure_future(anext(events))
    await shelf.has_been_asked.wait()
    shelf.is_open.set()
    told = [await reading, *[await anext(events) for _ in range(3)]]
    assert [type(event) for event in told] == [Ack, Credit, Credit, Ack]
    assert last_ack(told).progress.committed_seq == 2
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
    monkeypatch.setattr(stream_module, "MAX_WRITE_ITEMS", 1)
    encoder = LongReading()
    models = ServedModels([encoder], Config(max_batch_size=8))

    async def batches() -> AsyncIterator[DraftBatch]:
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
        while not acks(told) or last_ack(told).progress.committed_seq < 2:
            told.append(await anext(events))
    encoder.may_read.set()
    assert summary(await drain(events)).written == 3
    await models.close()
