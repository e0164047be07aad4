"""IngestService over gRPC."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from google.protobuf import duration_pb2
from tihua.v1 import ingest_service_pb2 as pb
from tihua.v1 import ingest_service_pb2_grpc as rpc

from tihua_server.config import Config
from tihua_server.errors import InvalidInput, SessionConflict
from tihua_server.ingest.events import (
    Ack,
    Credit,
    DraftBatch,
    DrainingNotice,
    Event,
    Started,
    Summary,
)
from tihua_server.ingest.ingester import Ingester
from tihua_server.ingest.session import Progress
from tihua_server.rpc.answers import from_ref
from tihua_server.rpc.call import Context
from tihua_server.rpc.item_requests import to_draft
from tihua_server.rpc.requests import check_batch, to_write_mode
from tihua_server.rpc.status import item_error
from tihua_server.served_models import ServedModels
from tihua_server.turns import in_turns
from tihua_server.types import ModelRef
from tihua_server.vector_store import VectorStore

MAX_SESSION_ID_BYTES = 64
"""Longest session id, as UTF-8."""

MAX_BOOKMARK_BYTES = 64
"""Longest bookmark of a batch, as UTF-8."""

MAX_COUNT = 2**53
"""Largest batch number or item count that a client may claim to have read."""


class IngestService(rpc.IngestServiceServicer):
    """Answers Ingest."""

    def __init__(
        self, models: ServedModels, store: VectorStore, ingester: Ingester, config: Config
    ) -> None:
        """Serve streams with these parts, within the bounds of `config`."""
        self._models = models
        self._store = store
        self._ingester = ingester
        self._limits = config.limits
        self._grace_s = config.drain_timeout_s

    async def Ingest(
        self, request_iterator: AsyncIterator[pb.IngestRequest], context: Context
    ) -> AsyncGenerator[pb.IngestResponse, None]:
        """Write a stream of items."""
        start = await self._ingester.opened(self._start(request_iterator))
        mode = to_write_mode(start.mode)
        spec = await self._store.spec(start.collection)
        model = self._models.of(spec, start.model, within="start.").model.ref
        events = self._ingester.ingest(
            start.session_id,
            start.collection,
            mode,
            _Batches(request_iterator, self._limits.max_batch_items),
            model=start.model,
            read=_to_progress(start),
        )
        async with contextlib.aclosing(events):
            async for event in events:
                yield self._response(event, start.session_id, model)

    async def _start(self, requests: AsyncIterator[pb.IngestRequest]) -> pb.IngestStart:
        async for request in requests:
            if request.WhichOneof("message") != "start":
                break
            start = request.start
            if not 1 <= len(start.session_id.encode()) <= MAX_SESSION_ID_BYTES:
                raise InvalidInput(
                    f"session_id is {len(start.session_id.encode())} bytes; it must be 1 to "
                    f"{MAX_SESSION_ID_BYTES}, a UUID for example",
                    field="start.session_id",
                )
            return start
        raise SessionConflict("the first message of an ingest stream must be its start")

    def _response(self, event: Event, session_id: str, model: ModelRef) -> pb.IngestResponse:
        match event:
            case Started(committed_seq, bookmark, credit):
                started = pb.IngestStarted(
                    session_id=session_id,
                    committed_seq=committed_seq,
                    credit=_from_credit(credit),
                    model=from_ref(model),
                    committed_bookmark=bookmark,
                )
                return pb.IngestResponse(started=started)
            case Credit():
                return pb.IngestResponse(credit=_from_credit(event))
            case Ack(progress, failures):
                ack = pb.IngestAck(
                    committed_seq=progress.committed_seq,
                    items_written=progress.written,
                    items_failed=progress.failed,
                    items_skipped=progress.skipped,
                    errors=[
                        pb.BatchError(
                            seq=entry.seq,
                            error=item_error(
                                entry.failure.index, entry.failure.id, entry.failure.error
                            ),
                        )
                        for entry in failures
                    ],
                )
                return pb.IngestResponse(ack=ack)
            case DrainingNotice():
                grace = duration_pb2.Duration()
                grace.FromMilliseconds(round(self._grace_s * 1000))
                return pb.IngestResponse(draining=pb.IngestDraining(grace=grace))
            case Summary(progress, elapsed_s):
                elapsed = duration_pb2.Duration()
                elapsed.FromMilliseconds(round(elapsed_s * 1000))
                summary = pb.IngestSummary(
                    committed_seq=progress.committed_seq,
                    items_written=progress.written,
                    items_failed=progress.failed,
                    items_skipped=progress.skipped,
                    elapsed=elapsed,
                )
                return pb.IngestResponse(summary=summary)


class _Batches:
    """The batches after the start. Not a generator: that would hold each until the next arrives."""

    def __init__(self, requests: AsyncIterator[pb.IngestRequest], max_items: int) -> None:
        self._requests = requests
        self._max_items = max_items

    def __aiter__(self) -> "_Batches":
        return self

    async def __anext__(self) -> DraftBatch:
        request = await anext(self._requests)
        if request.WhichOneof("message") != "batch":
            raise SessionConflict(
                "after the start an ingest stream carries batches and nothing else"
            )
        batch = request.batch
        check_batch(batch.items, f"batch {batch.seq}", self._max_items, "batch.items")
        bookmark = _checked_bookmark(batch.bookmark, "batch.bookmark")
        drafts = await in_turns(to_draft, batch.items)
        return DraftBatch(batch.seq, drafts, request.ByteSize(), bookmark)


def _to_progress(start: pb.IngestStart) -> Progress:
    for name in ("read_seq", "items_written", "items_failed", "items_skipped"):
        if (value := getattr(start, name)) > MAX_COUNT:
            raise InvalidInput(
                f"{name} is {value}; the limit is {MAX_COUNT}", field=f"start.{name}"
            )
    return Progress(
        start.read_seq,
        start.items_written,
        start.items_failed,
        start.items_skipped,
        _checked_bookmark(start.read_bookmark, "start.read_bookmark"),
    )


def _checked_bookmark(bookmark: str, field: str) -> str:
    if (size := len(bookmark.encode())) > MAX_BOOKMARK_BYTES:
        raise InvalidInput(
            f"the bookmark is {size} bytes; the limit is {MAX_BOOKMARK_BYTES}", field=field
        )
    return bookmark


def _from_credit(credit: Credit) -> pb.IngestCredit:
    return pb.IngestCredit(batches=credit.batches, bytes=credit.size_bytes)
