"""What an ingest session reads and sends: batches, their bounds, and credit; no network."""

import pytest
from client_sessions import LIMITS, ack, give, item, new_session, opened, sent, started, step
from tihua import InvalidRequestError
from tihua._ingest.session import IngestSession
from tihua._ingest.steps import HalfClose, Take, Wait
from tihua.v1.ingest_service_pb2 import IngestCredit, IngestDraining, IngestResponse


def test_nothing_is_read_or_sent_before_the_server_has_started_the_session() -> None:
    """Items of a collection that does not exist are not read for nothing."""
    session = new_session()
    start = session.open().start
    assert (start.collection, start.session_id, start.read_seq) == ("c", "s", 0)
    assert step(session) == Wait()
    session.receive(started())
    assert step(session) == Take()


def test_what_the_server_says_comes_before_the_callers_next_item() -> None:
    """The caller may block for long."""
    session = opened(new_session())
    assert session.next_step(is_quiet=False) == Wait()
    assert session.next_step(is_quiet=True) == Take()


def test_batches_are_numbered_from_one_and_the_last_may_be_short() -> None:
    """Five items in batches of two are three batches."""
    session = opened(new_session())
    give(session, "a", "b", "c", "d", "e")
    assert sent(session) == [(1, ["a", "b"]), (2, ["c", "d"]), (3, ["e"])]


def test_a_stream_is_half_closed_once_behind_all_items() -> None:
    """After a break the next one is, too."""
    session = opened(new_session())
    session.end()
    assert [step(session), step(session)] == [HalfClose(), Wait()]
    opened(session)
    assert [step(session), step(session)] == [HalfClose(), Wait()]


def test_a_batch_waits_for_credit_in_batches() -> None:
    """One batch of credit is leave for one batch."""
    session = opened(new_session(), started(batches=1))
    give(session, "a", "b", "c", "d")
    assert sent(session) == [(1, ["a", "b"])]
    session.receive(IngestResponse(credit=IngestCredit(batches=1)))
    assert sent(session) == [(2, ["c", "d"])]


def test_a_batch_waits_for_credit_in_bytes() -> None:
    """Batches of credit are no leave for more bytes than were granted."""
    session = opened(new_session(batch_size=1), started(size=1_000))
    session.add(item("a", 600))
    session.add(item("b", 600))
    assert sent(session) == [(1, ["a"])]
    session.receive(IngestResponse(credit=IngestCredit(bytes=600)))
    assert sent(session) == [(2, ["b"])]


def test_one_batch_is_read_ahead_of_the_credit_and_no_more() -> None:
    """Memory stays flat while the server is slow."""
    session = opened(new_session(), started(batches=0))
    session.add(item("a"))
    assert step(session) == Take()
    session.add(item("b"))
    assert step(session) == Wait()


def test_a_draining_server_gets_nothing_more() -> None:
    """What is unsent waits for the next stream."""
    session = opened(new_session(), started(batches=1))
    give(session, *"abcd")
    sent(session)
    session.receive(IngestResponse(draining=IngestDraining()))
    session.receive(IngestResponse(credit=IngestCredit(batches=1, bytes=1_000)))
    assert sent(session) == []
    assert step(session) == Wait()
    opened(session, started(1), ack(1, written=2))
    assert sent(session) == [(2, ["c", "d"])]


def test_a_batch_that_a_new_server_can_never_take_is_an_error_and_no_deadlock() -> None:
    """The server behind an address may be another one after a break."""
    session = opened(new_session(), started(size=2_000))
    session.add(item("a", 900))
    session.add(item("b", 900))
    sent(session)
    opened(session, started(size=1_000))
    with pytest.raises(InvalidRequestError, match="use a smaller batch_size") as refused:
        step(session)
    assert (refused.value.code, refused.value.reason) == ("RESOURCE_EXHAUSTED", "TOO_LARGE")


def test_a_batch_is_closed_before_it_outgrows_a_message() -> None:
    """The limit in bytes comes before the limit in items."""
    session = opened(new_session(batch_size=8))
    session.add(item("a", 6_000))
    session.add(item("b", 6_000))
    session.end()
    session.receive(IngestResponse(credit=IngestCredit(bytes=9_000)))
    assert sent(session) == [(1, ["a"]), (2, ["b"])]


def test_a_batch_never_has_more_items_than_the_server_takes() -> None:
    """A batch_size beyond Limits.max_batch_items is that."""
    session = opened(new_session(batch_size=1_000))
    give(session, *"abcdefghij")
    assert [len(ids) for _, ids in sent(session)] == [8, 2]


def test_a_batch_size_of_zero_is_refused() -> None:
    """It would never send anything."""
    with pytest.raises(InvalidRequestError, match="batch_size is 0"):
        new_session(batch_size=0)


def test_an_unknown_mode_is_refused() -> None:
    """The message lists those that there are."""
    with pytest.raises(InvalidRequestError, match="insert-only, skip-existing, upsert"):
        IngestSession(LIMITS, collection="c", mode="replace", session_id=None, batch_size=1)  # type: ignore[arg-type]


def test_every_session_has_an_id_of_its_own() -> None:
    """None asks for a new one, of 1 to 64 bytes."""
    ids = {
        IngestSession(LIMITS, collection="c", mode="upsert", session_id=None, batch_size=1)
        .open()
        .start.session_id
        for _ in range(2)
    }
    assert len(ids) == 2
    assert all(1 <= len(session_id) <= 64 for session_id in ids)
