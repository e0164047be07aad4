"""Any order of breaks, against a model of the server that keeps the contract; no network."""

from collections.abc import Iterable, Sequence

import tihua
from client_sessions import failure, item, new_session, started
from hypothesis import given, settings
from hypothesis import strategies as st
from tihua import InvalidRequestError
from tihua.v1.ingest_service_pb2 import (
    BatchError,
    IngestAck,
    IngestCredit,
    IngestRequest,
    IngestResponse,
    IngestSummary,
)


class Model:
    """A server that keeps the contract and checks that the client does."""

    def __init__(self) -> None:
        """Begin with nothing stored."""
        self.stored: set[str] = set()
        self.failed: set[str] = set()
        self.counts = IngestAck()
        self.failures: list[BatchError] = []
        self.bookmark = ""
        self.credit_batches = 0
        self.credit_bytes = 0

    def open(
        self, request: IngestRequest, *, forgets: bool, batches: int, size: int
    ) -> list[IngestResponse]:
        """Answer the start of a stream; a server that knows less believes what it is told."""
        start = request.start
        if forgets:
            self.failures = []
        if forgets or start.read_seq > self.counts.committed_seq:
            self.counts = IngestAck(
                committed_seq=start.read_seq,
                items_written=start.items_written,
                items_failed=start.items_failed,
            )
            self.bookmark = start.read_bookmark
        self.credit_batches, self.credit_bytes = batches, size
        seq = self.counts.committed_seq
        answers = [started(seq, batches=batches, size=size, bookmark=self.bookmark)]
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
        self.bookmark = request.batch.bookmark
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


FATES = st.sampled_from(["arrives"] * 8 + ["is lost", "goes unheard"])
"""What becomes of a batch that is sent."""


class Call:
    """One call of ingest: it gives all items to a session, over one stream after another."""

    def __init__(self, data: st.DataObject, ids: Sequence[str], *, batch_size: int) -> None:
        """Begin; `rejects` says how an item that can't be read is called."""
        self.data = data
        self.session = new_session(batch_size=batch_size)
        self.remaining = list(ids)
        self.told: dict[int, str] = {}
        self.rejects = ""

    def stream(self, server: Model, *, is_last: bool) -> None:
        """Run a stream, the last one to its end.

        A break comes between any two messages; it may lose the batch in flight or hide its
        acknowledgement, and the next stream may be of a server that knows nothing of the session.
        """
        draw = self.data.draw
        forgets = draw(st.booleans())
        batches = draw(st.integers(1, 4))
        answers = server.open(self.session.open(), forgets=forgets, batches=batches, size=4_000)
        # The last stream is whole; of the others not even the first answers may arrive.
        heard = answers if is_last else answers[: draw(st.integers(0, 2))]
        for response in heard:
            self.session.receive(response)
        if heard != answers:
            return
        for _ in range(1_000 if is_last else draw(st.integers(0, 30))):
            if (request := self.session.next_request()) is not None:
                fate = "arrives" if is_last else draw(FATES)
                if fate == "is lost":
                    break
                failures = server.receive(request)
                if fate == "goes unheard":
                    break
                self.session.receive(server.acknowledged(failures))
                server.credit_batches += 1
                server.credit_bytes += request.ByteSize()
                self.session.receive(
                    IngestResponse(credit=IngestCredit(batches=1, bytes=request.ByteSize()))
                )
            elif (given := self.session.next_item()) is not None:
                if self.rejects and given.id.endswith(self.rejects):
                    self.session.reject(given.id, InvalidRequestError("it can't be read"))
                else:
                    self.session.add(item(given.id, draw(st.integers(0, 300))))
            elif self.session.wants_item:
                if self.remaining:
                    self.session.offer(tihua.Item(self.remaining.pop(0)))
                else:
                    self.session.end()
            else:
                break
            self._note_progress()
        self.session.broke()

    def end(self, server: Model) -> None:
        """Receive the summary."""
        assert self.session.is_all_sent
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
    for is_last_call in [*data.draw(st.lists(st.just(False), max_size=3)), True]:
        call = Call(data, ids, batch_size=batch_size)
        for is_last in [*data.draw(st.lists(st.just(False), max_size=3)), is_last_call]:
            server = data.draw(st.sampled_from(servers))
            call.stream(server, is_last=is_last)
        told |= call.told
    call.end(server)
    stored = servers[0].stored | servers[1].stored
    assert stored | set(told.values()) == set(ids)
    assert all(ids[index] == name for index, name in told.items())
    assert sum(call.session.totals) == item_count
