"""A client's ingest sessions without a network, and the messages of a server."""

import dataclasses
from collections.abc import Container, Iterable, Sequence

import tihua
from tihua import Limits
from tihua._ingest.session import IngestSession
from tihua._ingest.steps import Ask, Read, Send, Step, Take, Wait
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


def asking_session(
    *, batch_size: int = 2, window: int = 3, session_id: str | None = None
) -> IngestSession:
    """Return a session that leaves out what is stored, and asks about a window of items at once."""
    limits = dataclasses.replace(LIMITS, max_page_size=window)
    return IngestSession(
        limits,
        collection="c",
        mode="skip-existing",
        session_id=session_id,
        batch_size=batch_size,
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
    [request] = requests(earlier)
    safe = started(1, bookmark=request.batch.bookmark)
    written = len(ids) - len(errors)
    return opened(new_session(), safe, ack(1, written=written, failed=len(errors), errors=errors))


def give(session: IngestSession, *ids: str) -> None:
    """Give all these items to a session."""
    for item_id in ids:
        session.add(item(item_id))
    session.end()


def step(session: IngestSession) -> Step:
    """Return what the session wants done, while no message of the server waits."""
    return session.next_step(is_quiet=True)


def run(
    session: IngestSession, ids: Iterable[str] = (), *, stored: Container[str] = ()
) -> list[tuple[int, list[str]]]:
    """Give a session items, and their end, until it waits; return the batches that it sent."""
    remaining = iter(ids)
    requests = []
    while (todo := step(session)) != Wait():
        match todo:
            case Send(request):
                requests.append(request)
            case Ask(asked):
                session.answer({item_id for item_id in asked if item_id in stored})
            case Read(given):
                session.add(item(given.id))
            case Take():
                taken = next(remaining, None)
                session.end() if taken is None else session.offer(tihua.Item(taken))
    return [_described(request) for request in requests]


def requests(session: IngestSession) -> list[IngestRequest]:
    """Return the batches that may be sent now, and take the half-closing that follows, if any."""
    found = []
    while isinstance(todo := session.next_step(is_quiet=False), Send):
        found.append(todo.request)
    assert not isinstance(todo, Read), "its item is lost"
    return found


def sent(session: IngestSession) -> list[tuple[int, list[str]]]:
    """Return the batches that may be sent now: seq and item ids of each."""
    return [_described(request) for request in requests(session)]


def _described(request: IngestRequest) -> tuple[int, list[str]]:
    return request.batch.seq, [entry.id for entry in request.batch.items]
