"""Leaving out what is stored: windows of ids and the questions about them; no network."""

import dataclasses

import tihua
from client_sessions import LIMITS, item, opened, sent
from tihua import InvalidRequestError
from tihua._ingest_session import IngestSession
from tihua._ingest_window import MAX_WINDOW_BYTES


def offer(session: IngestSession, *ids: str) -> None:
    """Give items as the caller does, as many as are wanted."""
    for item_id in ids:
        assert session.wants_item
        session.offer(tihua.Item(item_id))


def asking(session_id: str | None = None, *, max_page_size: int = 3) -> IngestSession:
    """Return an open session that skips what is stored."""
    limits = dataclasses.replace(LIMITS, max_page_size=max_page_size)
    session = IngestSession(
        limits, collection="c", mode="skip-existing", session_id=session_id, batch_size=2
    )
    return opened(session)


def taken(session: IngestSession) -> list[str]:
    """Have the items read that are to be sent; return their ids."""
    ids = []
    while (entry := session.next_item()) is not None:
        ids.append(entry.id)
        session.add(item(entry.id))
    return ids


def test_what_is_stored_is_left_out_before_it_is_read() -> None:
    """The server is asked for a window of ids, and the rest goes out in batches."""
    session = asking()
    offer(session, "a", "b", "c")
    assert not session.wants_item
    assert session.next_item() is None
    assert session.question() == ["a", "b", "c"]
    session.answer({"a", "c"})
    assert session.question() is None
    assert taken(session) == ["b"]
    offer(session, "d")
    session.end()
    assert session.question() == ["d"]
    session.answer(set())
    assert taken(session) == ["d"]
    assert sent(session) == [(1, ["b", "d"])]
    assert session.totals == (0, 0, 2)
    assert session.is_all_sent


def test_nothing_to_send_is_the_end() -> None:
    """All of it is stored."""
    session = asking()
    offer(session, "a", "b")
    session.end()
    assert not session.is_all_sent
    session.answer({"a", "b"})
    assert taken(session) == []
    assert session.is_all_sent
    assert session.totals == (0, 0, 2)


def test_a_question_outlives_a_break() -> None:
    """It is asked again, of whichever server answers."""
    session = asking()
    offer(session, "a", "b", "c")
    assert session.question() == ["a", "b", "c"]
    opened(session)
    assert session.question() == ["a", "b", "c"]


def test_a_stream_that_breaks_over_a_question_is_no_progress() -> None:
    """The answer is."""
    session = asking()
    offer(session, "a", "b", "c")
    assert session.question() is not None
    before = session.progress
    opened(session)
    assert session.progress == before
    session.answer({"a", "b", "c"})
    assert session.progress > before


def test_a_failure_behind_one_that_was_left_out_is_told_by_its_own_position() -> None:
    """Those that are left out count."""
    session = asking()
    offer(session, "a", "bad")
    session.end()
    session.answer({"a"})
    entry = session.next_item()
    assert entry is not None
    session.reject(entry.id, InvalidRequestError("no"))
    progress = session.take_progress()
    assert progress is not None
    assert [(error.index, error.id) for error in progress.errors] == [(1, "bad")]


def test_pictures_that_are_held_as_bytes_close_a_window_early() -> None:
    """Memory does not grow with how large they are."""
    session = asking(max_page_size=1_000)
    large = tihua.Item("a", image=b"x" * MAX_WINDOW_BYTES)
    session.offer(large)
    assert session.question() == ["a"]


def test_an_id_that_cannot_be_asked_for_is_left_to_be_refused() -> None:
    """A lone surrogate does not travel; the others are asked for."""
    session = asking()
    offer(session, "a", "\udcff", "c")
    assert session.question() == ["a", "c"]
    session.answer({"a", "c"})
    refused = session.next_item()
    assert refused is not None
    assert refused.id == "\udcff"


def test_nothing_is_asked_if_no_id_can_be() -> None:
    """The items go out at once."""
    session = asking()
    offer(session, "\udcff", "")
    assert session.next_item() is None
    session.end()
    refused = session.next_item()
    assert refused is not None
    assert refused.id == "\udcff"


def test_a_session_of_the_callers_own_leaves_nothing_out() -> None:
    """Its batches must be the same when it is resumed, whatever was written in between."""
    session = asking("mine")
    offer(session, "a")
    assert session.question() is None
    assert taken(session) == ["a"]
