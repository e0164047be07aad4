"""The state of one ingest, without network or clock; both clients drive it.

    session.open()                                   a new stream: its first message
    match session.next_step(is_quiet=…):             what to do now, until the stream ends
        case Ask(ids):      session.answer(…)        which of them are stored already?
        case Read(item):    session.add(…)           or session.reject(…): into batches
        case Send(request):                          a batch, if there is credit for it
        case Take():        session.offer(…)         or session.end(): the caller's next item
        case HalfClose():                            everything is sent
        case Wait():        session.receive(…)       credit, acknowledgements, the summary

After a break the client calls `open()` again and continues: its first message says what was
acknowledged, and the rest is sent again, to whichever server answers. Nothing else is kept, so that
memory is bounded by the server's credit, one batch and one window.

A session that an earlier call started continues after the bookmark of its last safe batch, and the
items before it are not read. A server may also turn out to be ahead of this call after a break:
this call first sent batches to a server that did not know the session, and then reconnects to the
one that has the batches of the earlier call. Then everything that was not acknowledged to this call
is dropped, whether in batches or on its way into one. The server's bookmark says which items are
safe, and its hash proves that they are these items.
"""

from collections.abc import Container

from tihua._convert import invalid
from tihua._ingest.batch import MAX_BATCH_BYTES, Batch, BatchBuilder, request_bytes
from tihua._ingest.outbox import Outbox
from tihua._ingest.place import Place
from tihua._ingest.report import IngestReport
from tihua._ingest.start import SessionStart
from tihua._ingest.steps import Ask, HalfClose, Read, Send, Step, Take, Wait
from tihua._ingest.types import IngestProgress, WriteMode
from tihua._ingest.window import MAX_WINDOW_ITEMS, Window
from tihua._server_types import Limits
from tihua._types import Item
from tihua.errors import InvalidRequestError
from tihua.v1 import types_pb2
from tihua.v1.ingest_service_pb2 import IngestRequest, IngestResponse


class IngestSession:
    """Decides which items to ask about and which to send, and counts the results.

    Attributes:
        is_complete: whether the server has sent the summary.
        max_image_bytes: a larger picture file need not be read: the server would refuse it.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        collection: str,
        mode: WriteMode,
        session_id: str | None,
        batch_size: int,
        model: str = "",
    ) -> None:
        """Start a session.

        Args:
            limits: the server's limits; an item that fits in no message is rejected.
            collection: where to write.
            mode: what to do with an id that is already stored.
            session_id: 1 to 64 bytes. The id of a session that the server knows resumes it; the
                same items must then be given again. None starts a new session, in which mode
                "skip-existing" leaves out the items that are stored.
            batch_size: maximum items per batch, 1 or more, capped by the server's limit.
            model: the id of the model that the collection must have; empty means any.

        Raises:
            InvalidRequestError: there is no such mode, or batch_size is less than 1.
        """
        if batch_size < 1:
            raise invalid(f"batch_size is {batch_size}; it must be 1 or more", "batch_size")
        self._start = SessionStart(
            collection=collection, mode=mode, session_id=session_id, model=model
        )
        asks = mode == "skip-existing" and session_id is None
        self._window = Window(max(1, min(MAX_WINDOW_ITEMS, limits.max_page_size)), asks=asks)
        self._builder = BatchBuilder(min(batch_size, limits.max_batch_items))
        self._outbox = Outbox()
        self._max_message_bytes = limits.max_message_bytes
        self.max_image_bytes = limits.max_image_bytes
        self._place = Place()
        self._has_all_items = False
        self._answers = self._taken = 0
        self._report = IngestReport()
        self._is_started = self._is_draining = self._is_half_closed = False
        self.is_complete = False

    @property
    def collection(self) -> str:
        """Return the collection that the session writes to."""
        return self._start.collection

    @property
    def committed_seq(self) -> int:
        """Return the number of the last batch that is safe."""
        return self._outbox.committed_seq

    @property
    def progress(self) -> int:
        """Return a number that grows with any progress.

        It counts the batches that are safe, the questions that were answered, and the items that
        were taken, with their end. So an outage does not last longer because the caller's iterable
        blocked. While no batch becomes safe the count is bounded by the credit, one batch and one
        window: no more items are taken, and a server that always breaks is given up.
        """
        return self.committed_seq + self._answers + self._taken

    @property
    def _is_open(self) -> bool:
        return self._is_started and not self._is_draining and self._outbox.is_caught_up

    @property
    def _has_room(self) -> bool:
        return self._is_open and not self._outbox.has_unsent

    @property
    def totals(self) -> tuple[int, int, int]:
        """Return the items written, failed and skipped so far."""
        return self._report.totals

    def open(self) -> IngestRequest:
        """Return the first message of a new stream; the credit of the previous one is void."""
        self._is_started = self._is_draining = self._is_half_closed = False
        self._outbox.begin_stream()
        return self._start.request(
            self.committed_seq, self._outbox.committed_bookmark, self._report.acknowledged
        )

    def next_step(self, *, is_quiet: bool) -> Step:
        """Return what to do now.

        Each step is returned once, and must be done before the next call: the credit of a batch
        is taken, or an item has left the window.

        Args:
            is_quiet: whether no message of the server waits. One that does is received before
                another item is taken from the caller, who may block.

        Raises:
            InvalidRequestError: the next batch is larger than the server's full credit.
            FailedPreconditionError: the session belongs to other items.
        """
        if self._has_room:
            if (ids := self._window.question()) is not None:
                return Ask(ids)
            if (item := self._next_item()) is not None:
                return Read(item)
        # Not before: items that are stored were passed, perhaps to the end of the last batch.
        if self._is_open and (request := self._outbox.next_request()) is not None:
            return Send(request)
        if not self._has_room:
            return Wait()
        if is_quiet and not self._has_all_items and self._window.wants_item:
            return Take()
        if self._has_all_items and self._window.is_empty and not self._is_half_closed:
            self._is_half_closed = True
            return HalfClose()
        return Wait()

    def offer(self, item: Item) -> None:
        """Add the caller's next item."""
        self._taken += 1
        self._window.add(item)

    def end(self) -> None:
        """Record that there are no more items; the last batch can be sent, full or not."""
        self._taken += 1
        self._has_all_items = True
        self._window.close()
        self._flush_the_last()

    def answer(self, stored: Container[str]) -> None:
        """Pass the ids that are stored: their items are left out and counted as skipped."""
        self._answers += 1
        self._window.answer(stored)

    def add(self, item: types_pb2.Item) -> None:
        """Add the message of the next item; a batch that is full can then be sent."""
        size = request_bytes(item)
        limit = self._outbox.credit.limit(self._max_message_bytes)
        if size > limit:
            error = InvalidRequestError(
                f"the item is {size} bytes; the server takes {limit} at once",
                code="RESOURCE_EXHAUSTED",
                reason="TOO_LARGE",
                metadata={"bytes": str(size), "limit": str(limit)},
            )
            self.reject(item.id, error)
            return
        position = self._place.position
        self._place.pass_item(item.id)
        max_bytes = min(limit, MAX_BATCH_BYTES)
        self._number(self._builder.add(item, position, self._place.bookmark, max_bytes))
        self._flush_the_last()

    def reject(self, item_id: str, error: InvalidRequestError) -> None:
        """Count the next item as failed, because it can't be sent."""
        self._report.reject(self._place.position, item_id, error)
        self._place.pass_item(item_id)
        self._flush_the_last()

    def _next_item(self) -> Item | None:
        """Return the next item to be sent, None if there is none now; pass those that need not be.

        Raises:
            FailedPreconditionError: the session belongs to other items.
        """
        while (held := self._window.pop()) is not None:
            item, is_stored = held
            if self._place.is_safe:
                self._report.carried_before(self._place.position, item.id)
            elif is_stored:
                self._report.leave_out()
            else:
                return item
            self._place.pass_item(item.id)
            self._flush_the_last()
        return None

    def _flush_the_last(self) -> None:
        if self._has_all_items and self._window.is_empty:
            self._place.end()
            self._number(self._builder.flush())

    def _number(self, batches: list[Batch]) -> None:
        for batch in batches:
            self._report.carry(self._outbox.add(batch.request), batch.positions)

    def receive(self, response: IngestResponse) -> None:
        """Process a message of the server.

        Raises:
            ServerError: the server withdrew an acknowledgement.
            FailedPreconditionError: the session belongs to other items, had them in other batches,
                or has no bookmark to tell.
        """
        match response.WhichOneof("message"):
            case "started":
                started = response.started
                self._outbox.resume_after(started.committed_seq, started.committed_bookmark)
                self._is_started = True
                self._outbox.credit.grant(started.credit)
            case "credit":
                self._outbox.credit.grant(response.credit)
            case "ack":
                is_further = response.ack.committed_seq > self._outbox.last_seq
                if is_further:
                    self._number(self._builder.flush())
                    overtaken = self._outbox.overtake(response.ack.committed_seq)
                    self._report.overtake(overtaken)
                else:
                    self._outbox.commit(response.ack.committed_seq)
                self._report.fail(response.ack.errors)
                self._report.settle(response.ack.committed_seq)
                self._report.count(response.ack)
                if is_further:
                    self._report.resume(self._place.resume_at(self._outbox.committed_bookmark))
                    self._flush_the_last()
            case "draining":
                self._is_draining = True
            case "summary":
                self._outbox.commit(response.summary.committed_seq)
                self._report.count(response.summary)
                self.is_complete = True

    def take_progress(self) -> IngestProgress | None:
        """Return the progress with the failures since the last call; None if nothing changed."""
        return self._report.take(self.committed_seq)
