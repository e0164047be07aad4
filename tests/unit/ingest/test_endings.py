"""How a stream ends that does not end by itself: the server drains, or the client rests."""

import asyncio

import pytest
from ingest_streams import Shelf, batch, drain, ingester_of, run, stream, summary
from tihua_server.errors import Draining, StreamIdle
from tihua_server.ingest.events import Ack, Credit, DrainingNotice, Started
from tihua_server.ingest.ingester import Ingester
from tihua_server.served_models import ServedModels


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


async def test_a_stream_whose_client_sends_nothing_is_ended(
    models: ServedModels, shelf: Shelf
) -> None:
    """After what it sent before is safe; the session can be opened again."""
    resting = ingester_of(models, shelf, idle_timeout_s=0.5)
    forever = asyncio.Event()
    events = run(resting, stream(batch(1, "a"), then=forever))
    assert isinstance(await anext(events), Started)
    assert isinstance(await anext(events), Ack)
    with pytest.raises(StreamIdle, match=r"no batch came for 0\.5 s"):
        await drain(events)
    assert summary(await drain(run(resting, stream(batch(2, "b"))))).written == 2


async def test_a_store_that_is_slow_is_no_rest(models: ServedModels, shelf: Shelf) -> None:
    """Only a client that has nothing under way is idle."""
    busy = ingester_of(models, shelf, idle_timeout_s=0.5)
    shelf.is_open.clear()
    asyncio.get_running_loop().call_later(1.0, shelf.is_open.set)
    assert summary(await drain(run(busy, stream(batch(1, "a"))))).written == 1
