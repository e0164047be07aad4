"""A client's ingest sessions without a network, and the messages of a server."""

from collections.abc import Iterable, Sequence

import tihua
from tihua import Limits
from tihua._ingest_session import IngestSession
from tihua.v1.ingest_service_pb2 import (
    BatchError,
    IngestAck,
    IngestCredit,
    IngestRequest,
    IngestResponse,
    IngestStarted,
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
    """Return an item with a picture of `size` bytes."""
    return Item(id=item_id, image=ImageSource(content=b"x" * size))


def started(
    committed_seq: int = 0, *, batches: int = 9, size: int = 9_000, bookmark: str = ""
) -> IngestResponse:
    """Return the first answer of a stream."""
    credit = IngestCredit(batches=batches, bytes=size)
    message = IngestStarted(committed_seq=committed_seq, credit=credit, committed_bookmark=bookmark)
    return IngestResponse(started=message)


def ack(
    committed_seq: int, *, written: int = 0, failed: int = 0, errors: Iterable[BatchError] = ()
) -> IngestResponse:
    """Return an acknowledgement."""
    message = IngestAck(
        committed_seq=committed_seq, items_written=written, items_failed=failed, errors=errors
    )
    return IngestResponse(ack=message)


def failure(seq: int, index: int, item_id: str) -> BatchError:
    """Return the failure of one item of a batch."""
    return BatchError(seq=seq, error=ItemError(index=index, id=item_id, code=3, reason="BAD"))


def opened(session: IngestSession, *responses: IngestResponse) -> IngestSession:
    """Open a stream on the session and answer its start."""
    session.open()
    for response in responses or [started()]:
        session.receive(response)
    return session


def resumed(*ids: str, errors: Sequence[BatchError] = ()) -> IngestSession:
    """Return a resumed session; an earlier call sent these items as batch 1, which is safe."""
    earlier = opened(new_session(batch_size=len(ids)))
    give(earlier, *ids)
    request = earlier.next_request()
    assert request is not None
    safe = started(1, bookmark=request.batch.bookmark)
    written = len(ids) - len(errors)
    return opened(new_session(), safe, ack(1, written=written, failed=len(errors), errors=errors))


def give(session: IngestSession, *ids: str) -> None:
    """Give all these items to a session."""
    for item_id in ids:
        session.add(item(item_id))
    session.end()


def offer(session: IngestSession, *ids: str) -> None:
    """Offer all these items to a session; give it those that it wants to send."""
    for item_id in ids:
        session.offer(tihua.Item(item_id))
        while (wanted := session.next_item()) is not None:
            session.add(item(wanted.id))
    session.end()


def sent(session: IngestSession) -> list[tuple[int, list[str]]]:
    """Return the batches that may be sent now: seq and item ids of each."""
    requests: list[IngestRequest] = []
    while (request := session.next_request()) is not None:
        requests.append(request)
    return [(r.batch.seq, [entry.id for entry in r.batch.items]) for r in requests]
