"""What an ingest session sends again after a break, and what not; no network."""

import pytest
from client_sessions import ack, give, item, new_session, offer, opened, resumed, sent, started
from tihua import FailedPreconditionError, InvalidRequestError, ServerError


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
    """The same items are given again, and those before the bookmark are not even read."""
    session = resumed("a", "b", "c")
    offer(session, *"abcde")
    assert sent(session) == [(2, ["d", "e"])]


def test_what_an_earlier_call_could_not_send_counts_as_failed() -> None:
    """That call told of it; now it may be readable, or the others may be gone."""
    earlier = opened(new_session())
    earlier.add(item("a"))
    earlier.reject("lost", InvalidRequestError("it can't be read"))
    earlier.add(item("b"))
    request = earlier.next_request()
    assert request is not None
    safe = started(1, bookmark=request.batch.bookmark)
    session = opened(new_session(), safe, ack(1, written=2))
    offer(session, "a", "lost", "b", "c")
    assert sent(session) == [(2, ["c"])]
    assert session.totals == (2, 1, 0)


@pytest.mark.parametrize("ids", ["axcd", "bacd", "ab", ""])
def test_a_session_is_not_resumed_with_other_items(ids: str) -> None:
    """Others, in another order, fewer or none: what is skipped would be lost."""
    session = resumed("a", "b", "c")
    with pytest.raises(FailedPreconditionError, match="other items than these") as refused:
        offer(session, *ids)
    assert refused.value.reason == "SESSION_DIFFERS"


def test_a_session_that_carries_no_bookmark_is_not_resumed() -> None:
    """Some other program began it, and nobody knows which items are safe."""
    with pytest.raises(FailedPreconditionError, match="use a new session id"):
        opened(new_session(), started(2), ack(2, written=4))


def test_a_session_that_another_call_took_meanwhile_is_not_taken_back() -> None:
    """What it committed under the same numbers were other items."""
    session = opened(new_session())
    give(session, *"abcd")
    sent(session)
    with pytest.raises(FailedPreconditionError, match="other items than these"):
        opened(session, started(1, bookmark="2:of another call"))


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
