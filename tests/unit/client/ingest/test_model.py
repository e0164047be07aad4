"""Any order of breaks, against a model of the server that keeps the contract; no network."""

from collections.abc import Iterable

from client_sessions import failure, item, new_session, started
from hypothesis import given, settings
from hypothesis import strategies as st
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


FATES = st.sampled_from(["arrives"] * 8 + ["is lost", "goes unheard"])
"""What becomes of a batch that is sent."""


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
