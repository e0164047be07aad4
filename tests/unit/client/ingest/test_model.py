"""Any order of breaks, against a model of the server that keeps the contract; no network."""

from collections import deque
from collections.abc import Sequence

import pytest
import tihua
from client_sessions import asking_session, item, new_session
from hypothesis import given, settings
from hypothesis import strategies as st
from model_ingest_server import Model
from tihua import FailedPreconditionError, InvalidRequestError
from tihua._ingest.session import IngestSession
from tihua._ingest.steps import Ask, HalfClose, Read, Send, Take, Wait
from tihua.v1.ingest_service_pb2 import IngestResponse, IngestSummary

FATES = st.sampled_from(["arrives"] * 8 + ["is lost", "goes unheard"])
"""What becomes of a batch that is sent."""

BREAKS = st.sampled_from([False] * 4 + [True])
"""Whether the store does not answer a question."""

FORGETS = st.sampled_from([False] * 4 + [True])
"""Whether a server has forgotten the session."""


class Call:
    """One call of ingest: it gives all items to a session, over one stream after another."""

    def __init__(
        self,
        data: st.DataObject,
        ids: Sequence[str],
        *,
        batch_size: int = 2,
        session: IngestSession | None = None,
    ) -> None:
        """Begin; `rejects` says how an item that can't be read is called."""
        self.data = data
        self.session = session or new_session(batch_size=batch_size)
        self.remaining = list(ids)
        self.told: dict[int, str] = {}
        self.rejects = ""
        self.is_half_closed = False

    def stream(self, server: Model, *, is_last: bool) -> None:
        """Run a stream, the last one to its end.

        A break comes between any two steps; it may lose the batch in flight or hide the answers to
        it, and the next stream may be of a server that knows nothing of the session.
        """
        draw = self.data.draw
        self.is_half_closed = False
        answers = server.open(
            self.session.open(), forgets=draw(FORGETS), batches=draw(st.integers(1, 4)), size=4_000
        )
        on_their_way = deque(answers)
        # Of a stream that breaks not even the first answers may arrive.
        steps = 1_000 if is_last else draw(st.integers(0, 50))
        for _ in range(steps):
            has_arrived = bool(on_their_way) and draw(st.booleans())
            match self.session.next_step(is_quiet=not has_arrived):
                case Send(request):
                    assert not self.is_half_closed
                    fate = "arrives" if is_last else draw(FATES)
                    if fate == "is lost":
                        break
                    failures = server.receive(request)
                    if fate == "goes unheard":
                        break
                    on_their_way += [server.acknowledged(failures), server.grant(request)]
                case Ask(ids):
                    if not is_last and draw(BREAKS):
                        break
                    self.session.answer(server.stored.intersection(ids))
                case Read(given):
                    if self.rejects and given.id.endswith(self.rejects):
                        self.session.reject(given.id, InvalidRequestError("it can't be read"))
                    else:
                        self.session.add(item(given.id, draw(st.integers(0, 300))))
                case Take():
                    if self.remaining:
                        self.session.offer(tihua.Item(self.remaining.pop(0)))
                    else:
                        self.session.end()
                case HalfClose():
                    assert not self.is_half_closed
                    self.is_half_closed = True
                case Wait():
                    if not on_their_way:
                        assert self.is_half_closed, "both sides wait"
                        break
                    self.session.receive(on_their_way.popleft())
            self._note_progress()

    def end(self, server: Model) -> None:
        """Receive the summary."""
        assert self.is_half_closed
        counts = server.counts
        summary = IngestSummary(
            committed_seq=counts.committed_seq,
            items_written=counts.items_written,
            items_failed=counts.items_failed,
        )
        self.session.receive(IngestResponse(summary=summary))
        self._note_progress()
        assert self.session.is_complete

    def _note_progress(self) -> None:
        progress = self.session.take_progress()
        for error in progress.errors if progress is not None else ():
            assert error.index not in self.told
            self.told[error.index] = error.id


@settings(max_examples=200, deadline=None)
@given(data=st.data(), item_count=st.integers(0, 40), batch_size=st.integers(1, 8))
def test_no_item_is_lost_or_sent_beyond_credit_whatever_breaks(
    data: st.DataObject, item_count: int, batch_size: int
) -> None:
    """However streams break, every item is committed, counted and told of exactly once."""
    server = Model()
    ids = [f"item-{number}" for number in range(item_count)]
    call = Call(data, ids, batch_size=batch_size)
    for is_last in [*data.draw(st.lists(st.just(False), max_size=5)), True]:
        call.stream(server, is_last=is_last)
    call.end(server)
    assert server.stored | server.failed == set(ids)
    assert call.session.totals == (len(server.stored), len(server.failed), 0)
    assert call.told == {index: name for index, name in enumerate(ids) if name in server.failed}


@settings(max_examples=200, deadline=None)
@given(data=st.data(), item_count=st.integers(0, 40), window=st.integers(1, 8))
def test_no_item_is_lost_or_sent_although_it_is_stored(
    data: st.DataObject, item_count: int, window: int
) -> None:
    """However streams and questions break, what is stored is left out, and the rest is sent."""
    server = Model()
    ids = [f"item-{number}" for number in range(item_count)]
    stored = data.draw(st.sets(st.sampled_from(ids))) if ids else set()
    server.stored |= stored
    session = asking_session(batch_size=data.draw(st.integers(1, 8)), window=window)
    call = Call(data, ids, session=session)
    for is_last in [*data.draw(st.lists(st.just(False), max_size=5)), True]:
        call.stream(server, is_last=is_last)
    call.end(server)
    assert server.stored | server.failed == set(ids)
    written = server.counts.items_written
    assert session.totals == (written, item_count - written - len(stored), len(stored))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), item_count=st.integers(0, 40))
def test_no_item_is_lost_whichever_process_dies(data: st.DataObject, item_count: int) -> None:
    """The next call gives all items again; some can't be read in one call, and can in another.

    Each item is stored, or some call was told that it failed; the last one counts all of them.
    """
    server = Model()
    ids = [f"item-{number}" for number in range(item_count)]
    told: dict[int, str] = {}
    for is_last in [*data.draw(st.lists(st.just(False), max_size=4)), True]:
        call = Call(data, ids, batch_size=data.draw(st.integers(1, 8)))
        call.rejects = data.draw(st.sampled_from(["", "2", "3"]))
        call.stream(server, is_last=is_last)
        told |= call.told
    call.end(server)
    assert server.stored | set(told.values()) == set(ids)
    assert all(ids[index] == name for index, name in told.items())
    written = server.counts.items_written
    assert call.session.totals == (written, item_count - written, 0)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), item_count=st.integers(0, 40), batch_size=st.integers(1, 8))
def test_no_item_is_lost_between_two_servers(
    data: st.DataObject, item_count: int, batch_size: int
) -> None:
    """Each stream of each call may come to either, which know nothing of each other."""
    servers = [Model(), Model()]
    ids = [f"item-{number}" for number in range(item_count)]
    told: dict[int, str] = {}
    for is_last_call in [*data.draw(st.lists(st.just(False), min_size=1, max_size=3)), True]:
        call = Call(data, ids, batch_size=batch_size)
        streams = data.draw(st.lists(st.sampled_from(servers), min_size=1, max_size=4))
        for number, server in enumerate(streams, 1):
            call.stream(server, is_last=is_last_call and number == len(streams))
        told |= call.told
    call.end(server)
    stored = servers[0].stored | servers[1].stored
    failed = servers[0].failed | servers[1].failed
    assert stored | failed == set(ids)
    assert call.session.totals == (len(stored), len(failed), 0)
    assert failed <= set(told.values())
    assert all(ids[index] == name for index, name in told.items())


@pytest.mark.parametrize("differs", ["batches", "items", "readable", "no bookmarks"])
@settings(max_examples=200, deadline=None)
@given(data=st.data(), item_count=st.integers(0, 40))
def test_no_item_is_lost_where_calls_differ_between_two_servers(
    data: st.DataObject, item_count: int, differs: str
) -> None:
    """In batch_size, an item, or what can be read: a call that is not refused lost nothing."""
    draw = data.draw
    servers = [Model(has_bookmarks=differs != "no bookmarks") for _ in range(2)]
    batch_size = draw(st.integers(1, 8))
    told: set[str] = set()
    last_call = draw(st.integers(1, 3))
    for number in range(last_call + 1):
        ids = [f"item-{index}" for index in range(item_count)]
        if differs == "items" and ids:
            ids[draw(st.integers(0, item_count - 1))] = f"other-{number}"
        call = Call(data, ids, batch_size=batch_size)
        if differs == "batches":
            call = Call(data, ids, batch_size=draw(st.integers(1, 8)))
        if differs == "readable":
            call.rejects = draw(st.sampled_from(["", "2", "3"]))
        streams = draw(st.lists(st.sampled_from(servers), min_size=1, max_size=4))
        try:
            for count, server in enumerate(streams, 1):
                call.stream(server, is_last=number == last_call and count == len(streams))
        except FailedPreconditionError:
            return
        told |= set(call.told.values())
    call.end(server)
    dealt_with = set().union(*(server.stored | server.failed for server in servers))
    assert set(ids) <= dealt_with | told
    if differs != "readable":  # what only one of two calls could read may be missing in the counts
        assert min(call.session.totals) >= 0
        assert sum(call.session.totals) == item_count
