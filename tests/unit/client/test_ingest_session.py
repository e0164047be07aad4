"""The bookkeeping of an ingest: credit, acknowledgements, resuming; no network."""

import dataclasses
from collections.abc import Iterable

import pytest
import tihua
from hypothesis import given, settings
from hypothesis import strategies as st
from tihua import InvalidRequestError, Limits, ServerError
from tihua._ingest_session import IngestSession
from tihua._ingest_window import MAX_WINDOW_BYTES
from tihua.v1.ingest_service_pb2 import (
    BatchError,
    IngestAck,
    IngestCredit,
    IngestDraining,
    IngestRequest,
    IngestResponse,
    IngestStarted,
    IngestSummary,
)
from tihua.v1.types_pb2 import ImageSource, Item, ItemError

LIMITS = Limits(
    max_message_bytes=10_000,
    max_batch_items=8,
    max_image_bytes=9_000,
    max_image_pixels=1_000_000,
    max_text_chars=1_000,
    max_queue_size=100,
    max_page_size=100,
    max_search_window=1_000,
    max_query_terms=8,
    max_id_bytes=100,
    max_uri_bytes=100,
    max_metadata_bytes=100,
    max_streams_per_client=4,
    max_calls_per_connection=100,
    max_header_bytes=8_000,
    min_ping_interval_s=30,
)


def new_session(*, batch_size: int = 2, session_id: str = "s") -> IngestSession:
    """Return a session that has not been opened."""
    return IngestSession(
        LIMITS, collection="c", mode="upsert", session_id=session_id, batch_size=batch_size
    )


def item(item_id: str, size: int = 1) -> Item:
    """Return an item with a picture of so many bytes."""
    return Item(id=item_id, image=ImageSource(content=b"x" * size))


def started(committed_seq: int = 0, *, batches: int = 9, size: int = 9_000) -> IngestResponse:
    """Return the first answer of a stream."""
    credit = IngestCredit(batches=batches, bytes=size)
    return IngestResponse(started=IngestStarted(committed_seq=committed_seq, credit=credit))


def ack(
    committed_seq: int, *, written: int = 0, errors: Iterable[BatchError] = ()
) -> IngestResponse:
    """Return an acknowledgement."""
    message = IngestAck(committed_seq=committed_seq, items_written=written, errors=errors)
    return IngestResponse(ack=message)


def failure(seq: int, index: int, item_id: str) -> BatchError:
    """Return the failure of one item of a batch."""
    return BatchError(seq=seq, error=ItemError(index=index, id=item_id, code=3, reason="BAD"))


def opened(session: IngestSession, response: IngestResponse | None = None) -> IngestSession:
    """Open a stream on the session and answer its start."""
    session.open()
    session.receive(response or started())
    return session


def give(session: IngestSession, *ids: str) -> None:
    """Give all items of a session."""
    for item_id in ids:
        session.add(item(item_id))
    session.end()


def sent(session: IngestSession) -> list[tuple[int, list[str]]]:
    """Return what may be sent now: the number and the ids of each batch."""
    requests: list[IngestRequest] = []
    while (request := session.next_request()) is not None:
        requests.append(request)
    return [(r.batch.seq, [entry.id for entry in r.batch.items]) for r in requests]


def test_nothing_is_read_or_sent_before_the_server_has_started_the_session() -> None:
    """Items of a collection that does not exist are not read for nothing."""
    session = new_session()
    start = session.open().start
    assert (start.collection, start.session_id, start.read_seq) == ("c", "s", 0)
    assert not session.wants_item
    session.receive(started())
    assert session.wants_item


def test_batches_are_numbered_from_one_and_the_last_may_be_short() -> None:
    """Five items in batches of two are three batches."""
    session = opened(new_session())
    give(session, "a", "b", "c", "d", "e")
    assert sent(session) == [(1, ["a", "b"]), (2, ["c", "d"]), (3, ["e"])]
    assert session.is_all_sent


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
    assert session.wants_item
    session.add(item("b"))
    assert not session.wants_item


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


def test_a_session_of_the_callers_own_leaves_nothing_out() -> None:
    """Its batches must be the same when it is resumed, whatever was written in between."""
    session = asking("mine")
    offer(session, "a")
    assert session.question() is None
    assert taken(session) == ["a"]


def test_an_acknowledgement_that_is_taken_back_ends_it() -> None:
    """Batches that are not kept cannot be sent again, and silence would lose them."""
    session = opened(new_session())
    give(session, *"abcdef")
    sent(session)
    session.receive(ack(3, written=6))
    session.open()
    with pytest.raises(ServerError, match="batch 3 was safe, and now it goes on after 1"):
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
    session = opened(new_session(), started(1))
    session.receive(ack(1, written=1, errors=[failure(1, 1, "b")]))
    first = session.take_progress()
    assert first is not None
    assert first.errors == ()
    session.reject("bad", InvalidRequestError("no"))
    session.add(item("a"))
    session.add(item("b"))
    progress = session.take_progress()
    assert progress is not None
    assert [(error.index, error.id) for error in progress.errors] == [(0, "bad"), (2, "b")]


def test_a_draining_server_gets_nothing_more() -> None:
    """What is unsent waits for the next stream."""
    session = opened(new_session(), started(batches=1))
    give(session, *"abcd")
    sent(session)
    session.receive(IngestResponse(draining=IngestDraining()))
    session.receive(IngestResponse(credit=IngestCredit(batches=1, bytes=1_000)))
    assert sent(session) == []
    assert not session.is_all_sent
    opened(session, started(1))
    assert sent(session) == [(2, ["c", "d"])]


def test_an_item_that_fits_in_no_message_is_rejected_and_its_neighbours_are_sent() -> None:
    """One large file must not end the stream."""
    session = opened(new_session(), started(size=20_000))
    session.add(item("a"))
    session.add(item("large", 10_001))
    session.add(item("b"))
    assert sent(session) == [(1, ["a", "b"])]
    progress = session.take_progress()
    assert progress is not None
    assert [(error.index, error.id, error.reason) for error in progress.errors] == [
        (1, "large", "TOO_LARGE")
    ]
    assert progress.failed == 1


def test_an_item_beyond_all_credit_is_rejected_because_it_would_wait_for_ever() -> None:
    """What the server grants at most is a limit too."""
    session = opened(new_session(), started(size=500))
    session.add(item("large", 600))
    assert session.totals == (0, 1, 0)


def test_a_batch_that_a_new_server_can_never_take_is_an_error_and_no_deadlock() -> None:
    """The server behind an address may be another one after a break."""
    session = opened(new_session(), started(size=2_000))
    session.add(item("a", 900))
    session.add(item("b", 900))
    sent(session)
    opened(session, started(size=1_000))
    with pytest.raises(InvalidRequestError, match="use a smaller batch_size"):
        session.next_request()


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


class Model:
    """A server that keeps the contract and checks that the client does."""

    def __init__(self) -> None:
        """Begin with nothing stored."""
        self.stored: set[str] = set()
        self.failed: set[str] = set()
        self.counts = IngestAck()
        self.failures: list[BatchError] = []
        self.credit_batches = 0
        self.credit_bytes = 0

    def open(
        self, request: IngestRequest, *, forgets: bool, batches: int, size: int
    ) -> list[IngestResponse]:
        """Answer the start of a stream; a server that forgets believes what it is told."""
        start = request.start
        if forgets:
            self.failures = []
            self.counts = IngestAck(
                committed_seq=start.read_seq,
                items_written=start.items_written,
                items_failed=start.items_failed,
            )
        self.credit_batches, self.credit_bytes = batches, size
        answers = [started(self.counts.committed_seq, batches=batches, size=size)]
        if self.counts.committed_seq > start.read_seq:
            unread = [entry for entry in self.failures if entry.seq > start.read_seq]
            answers.append(self.acknowledged(unread))
        return answers

    def receive(self, request: IngestRequest) -> list[BatchError]:
        """Commit a batch; return its failures."""
        size = request.ByteSize()
        assert self.credit_batches >= 1, "sent without credit"
        assert self.credit_bytes >= size, "sent more bytes than were granted"
        self.credit_batches -= 1
        self.credit_bytes -= size
        self.counts.committed_seq += 1
        assert request.batch.seq == self.counts.committed_seq, "a gap in seq"
        failures = []
        for index, entry in enumerate(request.batch.items):
            if entry.id.endswith("7"):
                self.failed.add(entry.id)
                self.counts.items_failed += 1
                failures.append(failure(request.batch.seq, index, entry.id))
            else:
                self.stored.add(entry.id)
                self.counts.items_written += 1
        self.failures += failures
        return failures

    def acknowledged(self, failures: Iterable[BatchError]) -> IngestResponse:
        """Return an acknowledgement of all that is committed."""
        response = IngestResponse(ack=self.counts)
        response.ack.errors.extend(failures)
        return response


@settings(max_examples=200, deadline=None)
@given(data=st.data(), item_count=st.integers(0, 40), batch_size=st.integers(1, 8))
def test_no_item_is_lost_or_sent_beyond_credit_whatever_breaks(
    data: st.DataObject, item_count: int, batch_size: int
) -> None:
    """However streams break, every item is committed, counted and told of exactly once.

    A break comes between any two messages; it may lose the batch in flight or hide its
    acknowledgement, and the next stream may be of a server that knows nothing of the session.
    """
    session = new_session(batch_size=batch_size)
    server = Model()
    ids = [f"item-{number}" for number in range(item_count)]
    remaining = list(ids)
    told: dict[int, str] = {}

    def note_progress() -> None:
        progress = session.take_progress()
        for error in progress.errors if progress is not None else ():
            assert error.index not in told
            told[error.index] = error.id

    for is_last in [*data.draw(st.lists(st.just(False), max_size=5)), True]:
        forgets = data.draw(st.booleans())
        batches = data.draw(st.integers(1, 4))
        answers = server.open(session.open(), forgets=forgets, batches=batches, size=4_000)
        # The last stream is whole; of the others not even the first answers may arrive.
        heard = answers if is_last else answers[: data.draw(st.integers(0, 2))]
        for response in heard:
            session.receive(response)
        if heard != answers:
            continue
        steps = 1_000 if is_last else data.draw(st.integers(0, 30))
        for _ in range(steps):
            if (request := session.next_request()) is not None:
                fate = "arrives" if is_last else data.draw(FATES)
                if fate == "is lost":
                    break
                failures = server.receive(request)
                if fate == "goes unheard":
                    break
                session.receive(server.acknowledged(failures))
                server.credit_batches += 1
                server.credit_bytes += request.ByteSize()
                session.receive(
                    IngestResponse(credit=IngestCredit(batches=1, bytes=request.ByteSize()))
                )
            elif session.wants_item:
                if remaining:
                    session.add(item(remaining.pop(0), data.draw(st.integers(0, 300))))
                else:
                    session.end()
            else:
                break
            note_progress()
        session.broke()
    assert session.is_all_sent
    counts = server.counts
    summary = IngestSummary(
        committed_seq=counts.committed_seq,
        items_written=counts.items_written,
        items_failed=counts.items_failed,
    )
    session.receive(IngestResponse(summary=summary))
    note_progress()
    assert session.is_complete
    assert server.stored | server.failed == set(ids)
    assert session.totals == (len(server.stored), len(server.failed), 0)
    assert told == {index: name for index, name in enumerate(ids) if name in server.failed}


FATES = st.sampled_from(["arrives"] * 8 + ["is lost", "goes unheard"])
"""What becomes of a batch that is sent."""
