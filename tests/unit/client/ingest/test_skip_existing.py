"""Leaving out what is stored: windows of ids and the questions about them; no network."""

import tihua
from client_sessions import asking_session, item, opened, run, step
from tihua import InvalidRequestError
from tihua._ingest.session import IngestSession
from tihua._ingest.steps import Ask, HalfClose, Read, Take
from tihua._ingest.window import MAX_WINDOW_BYTES


def offer(session: IngestSession, *ids: str) -> None:
    """Give items as the caller does, as many as are wanted."""
    for item_id in ids:
        assert step(session) == Take()
        session.offer(tihua.Item(item_id))


def test_what_is_stored_is_left_out_before_it_is_read() -> None:
    """The server is asked for a window of ids, and the rest goes out in batches."""
    session = opened(asking_session())
    offer(session, "a", "b", "c")
    assert step(session) == Ask(["a", "b", "c"])
    session.answer({"a", "c"})
    assert step(session) == Read(tihua.Item("b"))
    session.add(item("b"))
    offer(session, "d")
    session.end()
    assert step(session) == Ask(["d"])
    session.answer(set())
    assert run(session) == [(1, ["b", "d"])]
    assert session.totals == (0, 0, 2)


def test_nothing_to_send_is_the_end() -> None:
    """All of it is stored."""
    session = opened(asking_session())
    offer(session, "a", "b")
    session.end()
    assert step(session) == Ask(["a", "b"])
    session.answer({"a", "b"})
    assert step(session) == HalfClose()
    assert session.totals == (0, 0, 2)


def test_the_last_batch_is_sent_although_stored_items_follow_it() -> None:
    """Nothing else would wake the client: the server waits for the batch."""
    session = opened(asking_session())
    assert run(session, "ab", stored="b") == [(1, ["a"])]


def test_a_question_outlives_a_break() -> None:
    """It is asked again, of whichever server answers."""
    session = opened(asking_session())
    offer(session, "a", "b", "c")
    assert step(session) == Ask(["a", "b", "c"])
    opened(session)
    assert step(session) == Ask(["a", "b", "c"])


def test_a_stream_that_breaks_over_a_question_is_no_progress() -> None:
    """The answer is."""
    session = opened(asking_session())
    offer(session, "a", "b", "c")
    assert step(session) == Ask(["a", "b", "c"])
    before = session.progress
    opened(session)
    assert session.progress == before
    session.answer({"a", "b", "c"})
    assert session.progress > before


def test_a_failure_behind_one_that_was_left_out_is_told_by_its_own_position() -> None:
    """Those that are left out count."""
    session = opened(asking_session())
    offer(session, "a", "bad")
    session.end()
    session.answer({"a"})
    assert step(session) == Read(tihua.Item("bad"))
    session.reject("bad", InvalidRequestError("no"))
    progress = session.take_progress()
    assert progress is not None
    assert [(error.index, error.id) for error in progress.errors] == [(1, "bad")]


def test_pictures_that_are_held_as_bytes_close_a_window_early() -> None:
    """Memory does not grow with how large they are."""
    session = opened(asking_session(window=1_000))
    large = tihua.Item("a", image=b"x" * MAX_WINDOW_BYTES)
    session.offer(large)
    assert step(session) == Ask(["a"])


def test_an_id_that_cannot_be_asked_for_is_left_to_be_refused() -> None:
    """A lone surrogate does not travel; the others are asked for."""
    session = opened(asking_session())
    offer(session, "a", "\udcff", "c")
    assert step(session) == Ask(["a", "c"])
    session.answer({"a", "c"})
    assert step(session) == Read(tihua.Item("\udcff"))


def test_nothing_is_asked_if_no_id_can_be() -> None:
    """The items go out at once."""
    session = opened(asking_session())
    offer(session, "\udcff", "")
    assert step(session) == Take()
    session.end()
    assert step(session) == Read(tihua.Item("\udcff"))


def test_a_session_of_the_callers_own_leaves_nothing_out() -> None:
    """Its batches must be the same when it is resumed, whatever was written in between."""
    session = opened(asking_session(session_id="mine"))
    offer(session, "a")
    assert step(session) == Read(tihua.Item("a"))
