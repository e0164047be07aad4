"""Sessions that go on in another stream, of the same server or of one that forgot them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest
from fake_encoder import FakeEncoder
from ingest_streams import (
    Shelf,
    acks,
    batch,
    break_off,
    drain,
    ingester_of,
    last_ack,
    run,
    stream,
    summary,
)
from tihua_server.errors import SessionConflict, SessionTaken
from tihua_server.ingest.draft import Draft, WriteMode
from tihua_server.ingest.events import Ack, Credit, DraftBatch, Event, Started, Summary
from tihua_server.ingest.ingester import Ingester
from tihua_server.ingest.session import Progress
from tihua_server.served_models import ServedModels
from tihua_server.types import Text

MODES = pytest.mark.parametrize("mode", [WriteMode.INSERT_ONLY, WriteMode.SKIP_EXISTING])


@pytest.fixture
def other(models: ServedModels, shelf: Shelf) -> Ingester:
    """Another server of the same store, or the same one after a restart."""
    return ingester_of(models, shelf)


def started_after(events: Sequence[Event]) -> int:
    """Return the batch after which a stream began."""
    assert isinstance(events[0], Started)
    return events[0].committed_seq


async def test_a_session_goes_on_where_it_was_safe(ingester: Ingester, shelf: Shelf) -> None:
    """After a break, batches that are safe already are ignored; counts go on."""
    await break_off(ingester, batch(1, "a"), batch(2, "b"))
    shelf.writes.clear()
    events = await drain(
        run(ingester, stream(batch(1, "a"), batch(2, "b"), batch(3, "c")), read=Progress(2, 2))
    )
    assert started_after(events) == 2
    assert shelf.writes == [["c"]]
    assert summary(events) == Progress(3, 3)


async def test_the_bookmark_of_the_last_safe_batch_comes_back(
    ingester: Ingester, other: Ingester
) -> None:
    """Also from another server, to which a client has moved with the session."""
    await break_off(
        ingester, batch(1, "a", bookmark="behind a"), batch(2, "b", bookmark="behind b")
    )
    [begin, *_] = await drain(run(ingester, stream(), read=Progress(1, 1, bookmark="behind a")))
    assert isinstance(begin, Started)
    assert (begin.committed_seq, begin.bookmark) == (2, "behind b")
    [begin, *_] = await drain(run(other, stream(), read=Progress(2, 2, bookmark="behind b")))
    assert isinstance(begin, Started)
    assert (begin.committed_seq, begin.bookmark) == (2, "behind b")


async def test_batches_that_are_ignored_give_their_credit_back(ingester: Ingester) -> None:
    """A client that sends everything again within its credit is not left standing still."""
    credit = asyncio.Semaphore(0)

    async def within_credit() -> AsyncIterator[DraftBatch]:
        for seq in range(1, 11):
            await credit.acquire()
            yield batch(seq, f"{seq}")

    async with asyncio.timeout(20):
        async for event in run(ingester, within_credit(), read=Progress(9, 9)):
            granted = event.credit if isinstance(event, Started) else event
            if isinstance(granted, Credit):
                for _ in range(granted.batches):
                    credit.release()
    assert isinstance(event, Summary)
    assert event.progress == Progress(10, 10)


async def test_failures_that_a_break_hid_are_told_again(ingester: Ingester) -> None:
    """The client says what it has read; the rest comes first."""
    bad = DraftBatch(1, [Draft("bad", Text(""))], 10)
    await break_off(ingester, bad)
    again = await drain(run(ingester, stream(), read=Progress()))
    assert [entry.failure.id for entry in last_ack(again).failures] == ["bad"]
    known = await drain(run(ingester, stream(), read=Progress(1, 0, 1)))
    assert acks(known) == []


async def test_a_second_stream_of_a_session_ends_the_first(
    ingester: Ingester, shelf: Shelf
) -> None:
    """A client that reconnects before the server noticed the break goes on at once."""
    is_over = asyncio.Event()
    first = run(ingester, stream(batch(1, "a"), then=is_over))
    assert isinstance(await anext(first), Started)
    assert isinstance(await anext(first), Ack)
    events = await drain(run(ingester, stream(batch(2, "b")), read=Progress(1, 1)))
    assert summary(events) == Progress(2, 2)
    with pytest.raises(SessionTaken):
        await drain(first)
    assert set(shelf.ids) == {"a", "b"}


async def test_a_write_outlives_the_streams_that_waited_for_it(
    ingester: Ingester, shelf: Shelf
) -> None:
    """Broken twice while the store is slow, a session still writes one batch after the other."""
    forever = asyncio.Event()
    shelf.is_open.clear()
    first = asyncio.ensure_future(drain(run(ingester, stream(batch(1, "a"), then=forever))))
    await shelf.has_been_asked.wait()
    second = asyncio.ensure_future(drain(run(ingester, stream(then=forever))))
    for broken in (first, second):
        broken.cancel()
        await asyncio.sleep(0)
    third = run(ingester, stream(batch(1, "a"), batch(2, "b")))
    beginning = asyncio.ensure_future(anext(third))
    await asyncio.sleep(0)
    shelf.is_open.set()
    started = await beginning
    assert isinstance(started, Started)
    assert started.committed_seq == 1
    assert summary(await drain(third)) == Progress(2, 2)
    assert shelf.writes == [["a"], ["b"]]


async def test_a_session_in_use_is_not_forgotten(models: ServedModels, shelf: Shelf) -> None:
    """Or its next stream would not know what is being written."""
    ingester = ingester_of(models, shelf, max_sessions=1)
    shelf.is_open.clear()
    first = asyncio.ensure_future(drain(run(ingester, stream(batch(1, "a")))))
    await shelf.has_been_asked.wait()
    await anext(other := run(ingester, stream(), session="other"))
    second = run(ingester, stream(batch(1, "a"), batch(2, "b")))
    beginning = asyncio.ensure_future(anext(second))
    await asyncio.sleep(0)
    shelf.is_open.set()
    started = await beginning
    assert isinstance(started, Started)
    assert started.committed_seq == 1
    assert summary(await drain(second)) == Progress(2, 2)
    assert shelf.writes == [["a"], ["b"]]
    await asyncio.gather(first, other.aclose(), return_exceptions=True)


async def test_a_session_is_for_one_collection_and_mode(ingester: Ingester) -> None:
    """A session id that is used twice by mistake is told so."""
    await break_off(ingester, batch(1, "a"))
    with pytest.raises(SessionConflict, match="use a new session id"):
        await drain(run(ingester, stream(), mode=WriteMode.INSERT_ONLY))


async def test_a_session_that_is_over_begins_anew(ingester: Ingester) -> None:
    """The next items under the same session id are not taken for those of the last time."""
    await drain(run(ingester, stream(batch(1, "a"), batch(2, "b"))))
    events = await drain(run(ingester, stream(batch(1, "a")), mode=WriteMode.SKIP_EXISTING))
    assert started_after(events) == 0
    assert summary(events) == Progress(1, skipped=1)


async def test_a_session_whose_summary_could_not_be_sent_is_not_over(ingester: Ingester) -> None:
    """A client that broke off may look like one that came to its end."""
    events = run(ingester, stream(batch(1, "a")))
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, Summary):
                break
    again = await drain(run(ingester, stream(batch(2, "b"))))
    assert started_after(again) == 1
    assert summary(again) == Progress(2, 2)


@MODES
async def test_a_session_that_begins_anew_takes_what_the_last_one_wrote_for_its_own(
    ingester: Ingester, shelf: Shelf, mode: WriteMode
) -> None:
    """Whether its client missed the summary or comes with other content, nobody can tell."""
    await drain(run(ingester, stream(batch(1, "a", "b")), mode=mode))
    again = batch(1, "a", "c", "b", text="牛")
    events = await drain(run(ingester, stream(again), mode=mode))
    progress = summary(events)
    assert (progress.written, progress.failed + progress.skipped) == (2, 1)
    assert shelf.writes == [["a", "b"], ["c"]]


async def test_another_server_goes_on_where_the_client_was(
    ingester: Ingester, other: Ingester, shelf: Shelf
) -> None:
    """It believes what the client has read, and its counts are of the whole session."""
    bad = DraftBatch(2, [Draft("b", Text("马")), Draft("bad", Text(""))], 10)
    read = summary(await drain(run(ingester, stream(batch(1, "a"), bad))))
    events = await drain(run(other, stream(batch(3, "c")), read=read))
    assert started_after(events) == 2
    assert summary(events) == Progress(3, written=3, failed=1)
    assert set(shelf.ids) == {"a", "b", "c"}


async def test_a_server_that_knows_less_than_the_client_believes_it(
    ingester: Ingester, other: Ingester
) -> None:
    """The session was elsewhere in the meantime, and comes back."""
    read = summary(await drain(run(ingester, stream(batch(1, "a")))))
    read = summary(await drain(run(other, stream(batch(2, "b"), batch(3, "c")), read=read)))
    events = await drain(run(ingester, stream(batch(4, "d")), read=read))
    assert started_after(events) == 3
    assert summary(events) == Progress(4, written=4)


async def test_a_server_that_knows_more_than_the_client_says_so_first(ingester: Ingester) -> None:
    """The acknowledgement that was lost comes again, with nothing failed too."""
    await drain(run(ingester, stream(batch(1, "a"), batch(2, "b"))))
    events = await drain(run(ingester, stream(), read=Progress(1, 1)))
    assert started_after(events) == 2
    assert acks(events) == [Ack(Progress(2, 2), [])]


@MODES
async def test_what_was_written_and_not_acknowledged_counts_as_written_once(
    ingester: Ingester, other: Ingester, shelf: Shelf, encoder: FakeEncoder, mode: WriteMode
) -> None:
    """It is sent again to a server that knows nothing of it: no failure, no skip, no embedding."""
    await drain(run(ingester, stream(batch(1, "old")), session="somebody else's"))
    sent = [batch(1, "a", "old"), batch(2, "b", "c")]
    first = summary(await drain(run(ingester, stream(*sent), mode=mode)))
    seen = sum(encoder.batch_sizes)
    events = await drain(run(other, stream(*sent, batch(3, "d")), mode=mode))
    assert started_after(events) == 0
    progress = summary(events)
    assert progress == Progress(3, first.written + 1, first.failed, first.skipped)
    assert (progress.written, progress.failed + progress.skipped) == (4, 1)
    assert sum(encoder.batch_sizes) - seen == 1


@MODES
async def test_an_id_that_comes_twice_is_still_known_after_a_break(
    ingester: Ingester, other: Ingester, mode: WriteMode
) -> None:
    """The first stays, and the second is none of the session's own earlier work."""
    await drain(run(ingester, stream(batch(1, "a", "a"), batch(2, "a")), mode=mode))
    events = await drain(run(other, stream(batch(1, "a", "a"), batch(2, "a")), mode=mode))
    progress = summary(events)
    assert (progress.written, progress.failed + progress.skipped) == (1, 2)


async def test_a_write_that_a_leaving_client_left_behind_is_counted(
    ingester: Ingester, shelf: Shelf
) -> None:
    """What has begun is written, and the session goes on after it."""
    shelf.is_open.clear()
    events = run(ingester, stream(batch(1, "a"), then=asyncio.Event()))
    assert isinstance(await anext(events), Started)
    reading = asyncio.ensure_future(anext(events))
    await shelf.has_been_asked.wait()
    reading.cancel()
    again = asyncio.ensure_future(drain(run(ingester, stream(batch(2, "b")))))
    shelf.is_open.set()
    told = await again
    assert started_after(told) == 1
    assert summary(told) == Progress(2, 2)
    assert shelf.writes == [["a"], ["b"]]
    with pytest.raises(asyncio.CancelledError):
        await reading
