"""Items that fail, told by the position that the caller knows; no network."""

from client_sessions import (
    ack,
    failure,
    give,
    item,
    new_session,
    opened,
    requests,
    resumed,
    run,
    sent,
    started,
)


def test_a_failure_is_told_by_the_position_of_its_item() -> None:
    """The caller knows nothing of batches."""
    session = opened(new_session())
    give(session, *"abcd")
    sent(session)
    session.receive(ack(2, written=3, errors=[failure(2, 1, "d")]))
    progress = session.take_progress()
    assert progress is not None
    assert [(error.index, error.id, error.code) for error in progress.errors] == [
        (3, "d", "INVALID_ARGUMENT")
    ]


def test_a_failure_that_a_break_hid_is_asked_for_and_told_by_position() -> None:
    """The start names the last acknowledgement that was read."""
    session = opened(new_session())
    give(session, *"abcdef")
    sent(session)
    session.receive(ack(1, written=2))
    session.take_progress()
    assert session.open().start.read_seq == 1
    session.receive(started(2))
    assert session.committed_seq == 1
    session.receive(ack(2, written=3, errors=[failure(2, 0, "c")]))
    progress = session.take_progress()
    assert progress is not None
    assert [error.index for error in progress.errors] == [2]


def test_a_failure_of_an_earlier_call_is_told_when_its_item_is_reached() -> None:
    """Until then its position is not known."""
    session = resumed("a", "b", errors=[failure(1, 1, "b")])
    first = session.take_progress()
    assert first is not None
    assert first.errors == ()
    run(session, "abc")
    progress = session.take_progress()
    assert progress is not None
    assert [(error.index, error.id) for error in progress.errors] == [(1, "b")]


def test_a_failure_of_an_earlier_call_is_told_of_an_item_that_was_to_be_sent() -> None:
    """That call made other batches of the items, so the failure is found by its id."""
    earlier = opened(new_session(batch_size=1))
    give(earlier, *"abcd")
    *_, last = requests(earlier)
    session = opened(new_session())
    for item_id in "abc":
        session.add(item(item_id))
    errors = [failure(2, 0, "b"), failure(3, 0, "c"), failure(4, 0, "d")]
    opened(session, started(4, bookmark=last.batch.bookmark), ack(4, written=1, errors=errors))
    run(session, "d")
    progress = session.take_progress()
    assert progress is not None
    assert [(error.index, error.id) for error in progress.errors] == [(1, "b"), (2, "c"), (3, "d")]
    assert session.totals == (1, 3, 0)


def test_an_item_that_fits_in_no_message_is_rejected_and_its_neighbours_are_sent() -> None:
    """One large file must not end the stream."""
    session = opened(new_session(), started(size=20_000))
    session.add(item("a"))
    session.add(item("large", 10_001))
    session.add(item("b"))
    assert sent(session) == [(1, ["a", "b"])]
    progress = session.take_progress()
    assert progress is not None
    [error] = progress.errors
    assert (error.index, error.id) == (1, "large")
    assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "TOO_LARGE")
    assert progress.failed == 1


def test_an_item_beyond_all_credit_is_rejected_because_it_would_wait_for_ever() -> None:
    """What the server grants at most is a limit too."""
    session = opened(new_session(), started(size=500))
    session.add(item("large", 600))
    assert session.totals == (0, 1, 0)
