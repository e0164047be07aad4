"""Ingest streams: order, credit, room; no network."""

import asyncio

import pytest
from ingest_streams import Shelf, batch, drain, ingester_of, last_ack, run, stream, summary
from tihua_server.errors import OutOfOrder, Overloaded, StoreUnavailable
from tihua_server.ingest.draft import Draft
from tihua_server.ingest.events import Ack, Credit, DraftBatch, Started
from tihua_server.ingest.ingester import Ingester
from tihua_server.served_models import ServedModels
from tihua_server.types import Text


async def test_everything_sent_is_written_and_summed_up(ingester: Ingester, shelf: Shelf) -> None:
    """What was sent is what was written, failed or skipped."""
    events = await drain(run(ingester, stream(batch(1, "a", "b"), batch(2, "c"))))
    assert set(shelf.ids) == {"a", "b", "c"}
    assert isinstance(events[0], Started)
    progress = summary(events)
    assert (progress.committed_seq, progress.written) == (2, 3)


async def test_a_bad_item_is_named_and_its_neighbours_are_written(
    ingester: Ingester, shelf: Shelf
) -> None:
    """The failure carries its batch, place and id."""
    mixed = DraftBatch(1, [Draft("good", Text("马")), Draft("bad", Text(" "))], 10)
    ack = last_ack(await drain(run(ingester, stream(mixed))))
    assert [(entry.seq, entry.failure.index, entry.failure.id) for entry in ack.failures] == [
        (1, 1, "bad")
    ]
    assert shelf.ids == ["good"]
    assert (ack.progress.written, ack.progress.failed) == (1, 1)


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
    ingester: Ingester, shelf: Shelf, batches: list[DraftBatch]
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
    with pytest.raises(OutOfOrder, match="batch 3 came where 2 was expected"):
        await drain(run(ingester, stream(batch(1, "a"), batch(3, "c"))))
    assert shelf.ids == ["a"]


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
