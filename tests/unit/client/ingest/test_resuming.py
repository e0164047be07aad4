"""What an ingest session sends again after a break, and what not; no network."""

import itertools

import pytest
import tihua
from client_sessions import (
    ack,
    give,
    item,
    new_session,
    opened,
    requests,
    resumed,
    run,
    sent,
    started,
    step,
)
from tihua import FailedPreconditionError, InvalidRequestError, ServerError
from tihua._ingest.steps import HalfClose, Read
from tihua.v1.ingest_service_pb2 import IngestResponse


def test_credit_of_a_broken_stream_is_void() -> None:
    """A new stream begins with what its own start grants."""
    session = opened(new_session(), started(batches=9))
    opened(session, started(batches=0))
    give(session, "a", "b")
    assert sent(session) == []


def test_what_was_not_acknowledged_is_sent_again_after_a_break() -> None:
    """Batches at or below committed_seq are not."""
    session = opened(new_session())
    give(session, "a", "b", "c", "d", "e", "f")
    sent(session)
    session.receive(ack(1, written=2))
    opened(session, started(2), ack(2, written=4))
    assert sent(session) == [(3, ["e", "f"])]


def test_whichever_server_comes_next_is_told_what_was_read() -> None:
    """So that one that knows nothing of the session goes on from there, and goes on counting."""
    session = opened(new_session())
    give(session, "a", "b", "c", "d")
    sent(session)
    session.receive(ack(1, written=2))
    start = session.open().start
    assert (start.session_id, start.read_seq, start.items_written) == ("s", 1, 2)
    session.receive(started(1))
    assert sent(session) == [(2, ["c", "d"])]
    session.receive(ack(2, written=4))
    assert session.totals == (4, 0, 0)


def test_what_a_server_knows_more_is_kept_until_it_is_acknowledged() -> None:
    """A break before the acknowledgement may lead to a server that does not know it."""
    session = opened(new_session())
    give(session, "a", "b", "c", "d")
    sent(session)
    opened(session, started(2))
    assert sent(session) == []
    opened(session, started(0))
    assert sent(session) == [(1, ["a", "b"]), (2, ["c", "d"])]


def test_an_item_that_is_taken_is_progress() -> None:
    """Even while a batch is outstanding; sending that batch again is none."""
    session = opened(new_session())
    for item_id in "ab":
        before = session.progress
        session.offer(tihua.Item(item_id))
        assert step(session) == Read(tihua.Item(item_id))
        session.add(item(item_id))
        assert session.progress > before
    assert sent(session) == [(1, ["a", "b"])]
    before = session.progress
    opened(session)
    assert sent(session) == [(1, ["a", "b"])]
    assert session.progress == before
    session.offer(tihua.Item("c"))
    assert session.progress == before + 1
    session.end()
    assert session.progress == before + 2


def test_progress_is_bounded_while_no_batch_becomes_safe() -> None:
    """Otherwise a server that always breaks would never be given up."""
    session = new_session()
    counts = []
    for _ in range(5):
        opened(session, started(batches=3))
        run(session, itertools.repeat("a"))
        counts.append(session.progress)
    assert counts == [8] * 5


def test_an_acknowledgement_that_is_taken_back_ends_it() -> None:
    """Batches that are not kept cannot be sent again, and silence would lose them."""
    session = opened(new_session())
    give(session, *"abcdef")
    sent(session)
    session.receive(ack(3, written=6))
    session.open()
    with pytest.raises(ServerError, match="batch 3 was safe, and now it continues after 1"):
        session.receive(started(1))


def test_a_session_of_an_earlier_call_skips_what_is_safe() -> None:
    """The same items are given again, and those before the bookmark are not even read."""
    session = resumed("a", "b", "c")
    assert run(session, "abcde") == [(2, ["d", "e"])]


def test_what_an_earlier_call_could_not_send_counts_as_failed() -> None:
    """That call told of it; now it may be readable, or the others may be gone."""
    earlier = opened(new_session())
    earlier.add(item("a"))
    earlier.reject("lost", InvalidRequestError("it can't be read"))
    earlier.add(item("b"))
    [request] = requests(earlier)
    safe = started(1, bookmark=request.batch.bookmark)
    session = opened(new_session(), safe, ack(1, written=2))
    assert run(session, ["a", "lost", "b", "c"]) == [(2, ["c"])]
    assert session.totals == (2, 1, 0)


@pytest.mark.parametrize("ids", ["axcd", "bacd", "ab", ""])
def test_a_session_is_not_resumed_with_other_items(ids: str) -> None:
    """Others, in another order, fewer or none: what is skipped would be lost."""
    session = resumed("a", "b", "c")
    with pytest.raises(FailedPreconditionError, match="other items than these") as refused:
        run(session, ids)
    assert refused.value.reason == "SESSION_DIFFERS"


def test_a_session_that_carries_no_bookmark_is_not_resumed() -> None:
    """An older client began it, or the server is older, and nobody knows which items are safe."""
    with pytest.raises(FailedPreconditionError, match="older than bookmarks") as refused:
        opened(new_session(), started(2), ack(2, written=4))
    assert refused.value.reason == "NO_BOOKMARK"


def safe_there(*ids: str, batch_size: int = 2) -> list[IngestResponse]:
    """Return what a server says of a session if another call sent it these items."""
    elsewhere = opened(new_session(batch_size=batch_size))
    give(elsewhere, *ids)
    batches = requests(elsewhere)
    bookmark = batches[-1].batch.bookmark
    return [started(len(batches), bookmark=bookmark), ack(len(batches), written=len(ids))]


@pytest.mark.parametrize("count", range(7))
def test_a_session_goes_on_at_a_server_that_is_further_with_it(count: int) -> None:
    """Begun at one that knew nothing of it: what was to be sent from here is safe there."""
    session = opened(new_session())
    for item_id in "abcdef"[:count]:
        session.add(item(item_id))
    opened(session, *safe_there(*"abcdef"))
    assert run(session, "abcdefgh"[count:]) == [(4, ["g", "h"])]
    assert session.totals == (6, 0, 0)


@pytest.mark.parametrize("ids", ["abxdef", "abcdex"])
def test_a_session_of_other_items_does_not_go_on_at_a_server_that_is_further(ids: str) -> None:
    """Whether the difference was passed already or comes behind."""
    session = opened(new_session())
    for item_id in "abcd":
        session.add(item(item_id))
    opened(session, *safe_there(*ids))
    with pytest.raises(FailedPreconditionError, match="other items than these"):
        run(session, "ef")


@pytest.mark.parametrize("ids", ["a", "ab", "x", "abx"])
def test_no_item_is_taken_for_safe_that_no_server_has(ids: str) -> None:
    """The next batch there holds fewer items than the one begun here, or others."""
    session = opened(new_session(batch_size=8))
    for item_id in "abc":
        session.add(item(item_id))
    with pytest.raises(FailedPreconditionError, match="other items than these"):
        opened(session, *safe_there(*ids, batch_size=len(ids)))


def test_a_batch_that_is_begun_gives_no_bookmark_to_a_server_that_knows_none() -> None:
    """The next batch there may be of any items."""
    session = opened(new_session())
    session.add(item("a"))
    with pytest.raises(FailedPreconditionError, match="older than bookmarks"):
        opened(session, started(1), ack(1, written=2))


@pytest.mark.parametrize("ids", ["abc", "abcx", "abcdef"])
def test_a_session_whose_items_are_all_given_ends_only_where_they_end(ids: str) -> None:
    """At a server to which another call sent others, or more of them, in smaller batches."""
    session = opened(new_session(batch_size=8))
    give(session, *"abcd")
    with pytest.raises(FailedPreconditionError, match="other items than these"):
        opened(session, *safe_there(*ids, batch_size=1))
    session = opened(new_session(batch_size=8))
    give(session, *ids)
    opened(session, *safe_there(*ids, batch_size=1))
    assert step(session) == HalfClose()


def test_a_session_that_another_call_took_meanwhile_is_not_taken_back() -> None:
    """What it committed under the same numbers were other items."""
    session = opened(new_session())
    give(session, *"abcd")
    sent(session)
    with pytest.raises(FailedPreconditionError, match="other items than these"):
        opened(session, started(1, bookmark="2:of another call"))


@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_session_of_the_same_items_in_other_batches_is_refused_as_such(batch_size: int) -> None:
    """Whoever gives the same items again must not be told only that they are others."""
    session = opened(new_session(batch_size=2))
    give(session, *"abcd")
    with pytest.raises(FailedPreconditionError, match="in other batches") as refused:
        opened(session, *safe_there(*"abc", batch_size=batch_size))
    assert refused.value.reason == "SESSION_DIFFERS"


def test_a_batch_that_is_safe_is_not_taken_for_another_one_of_its_number() -> None:
    """The counts of a server where that one holds other items are not those of this session."""
    session = opened(new_session())
    give(session, *"abcd")
    sent(session)
    session.receive(ack(1, written=2))
    with pytest.raises(FailedPreconditionError, match="other items than these"):
        opened(session, *safe_there("a", batch_size=1))


def test_an_acknowledgement_of_batches_of_the_stream_before_spares_sending_them() -> None:
    """The server may go on committing what came before the break."""
    session = opened(new_session())
    give(session, *"abcd")
    sent(session)
    session.open()
    session.receive(started(0, batches=0))
    session.receive(ack(2, written=4))
    assert step(session) == HalfClose()
