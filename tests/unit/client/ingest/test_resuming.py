"""What an ingest session sends again after a break, and what not; no network."""

import pytest
from client_sessions import ack, give, new_session, opened, sent, started
from tihua import ServerError


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
    opened(session, started(2))
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


def test_a_stream_that_breaks_at_rest_is_progress() -> None:
    """A server that ends quiet streams is not given up; one that breaks under work is."""
    session = opened(new_session())
    before = session.progress
    session.broke()
    assert session.progress > before
    opened(session)
    give(session, "a", "b")
    before = session.progress
    session.broke()
    assert session.progress == before


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
    """The same items are given again, and only those after committed_seq are sent."""
    session = opened(new_session(), started(2))
    give(session, *"abcdef")
    assert sent(session) == [(3, ["e", "f"])]


def test_an_acknowledgement_of_batches_of_the_stream_before_spares_sending_them() -> None:
    """The server may go on committing what came before the break."""
    session = opened(new_session())
    give(session, *"abcd")
    sent(session)
    session.open()
    session.receive(started(0, batches=0))
    session.receive(ack(2, written=4))
    assert sent(session) == []
    assert session.is_all_sent
