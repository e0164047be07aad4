"""An ingest server that breaks, drains, forgets or hangs as planned."""

# ruff: noqa: N802 - the names of methods are the contract's

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc import aio
from refusals import refusal
from tihua.v1 import (
    collection_service_pb2,
    system_service_pb2,
    system_service_pb2_grpc,
    types_pb2,
)
from tihua.v1.ingest_service_pb2 import (
    BatchError,
    IngestAck,
    IngestCredit,
    IngestDraining,
    IngestRequest,
    IngestResponse,
    IngestStart,
    IngestStarted,
)
from tihua.v1.ingest_service_pb2 import (
    IngestSummary as IngestSummaryMessage,
)

Context: TypeAlias = "aio.ServicerContext[IngestRequest, IngestResponse]"
End: TypeAlias = Literal[
    "summary", "break", "late break", "lost ack", "drain", "no summary", "hang", "idle"
]

IDLE_S = 0.3
"""The idle timeout of a stream that may end as idle."""


@dataclass(frozen=True)
class Plan:
    """The course of one stream.

    Attributes:
        end: how it ends; "idle" when no message has come for IDLE_S, or else with a summary; "late
            break" breaks IDLE_S after the batch.
        after: the number of batches after which it ends, 0 for right after the start; None for
            when the client half-closes.
        credit: batches that may be in flight.
        forgets: whether the server has forgotten the session.
    """

    end: End = "summary"
    after: int | None = None
    credit: int = 2
    forgets: bool = False


@dataclass
class Session:
    """What the server remembers of a session."""

    committed: int = 0
    written: int = 0
    failed: int = 0
    bookmark: str = ""

    def acknowledged(self, errors: Iterable[BatchError] = ()) -> IngestAck:
        """Return the acknowledgement of everything committed."""
        return IngestAck(
            committed_seq=self.committed,
            items_written=self.written,
            items_failed=self.failed,
            errors=errors,
        )


class FakeServer(system_service_pb2_grpc.SystemServiceServicer):
    """Keeps the contract of Ingest, checks that the client does, and follows a plan per stream.

    Streams are read and written by their context, never by generators: a generator whose call has
    ended stays suspended until the garbage collector finds it, with gRPC core's state of the call,
    on any thread and after its loop is closed.
    """

    def __init__(self, *plans: Plan) -> None:
        """Follow one plan per stream, in order; streams after the last plan complete normally."""
        self.plans = list(plans)
        self.sessions: dict[str, Session] = {}
        self.starts: list[IngestStart] = []
        self.stored: list[str] = []
        self.violations: list[str] = []
        self.was_cancelled = threading.Event()
        self.hangs = threading.Event()
        self.on_hang: Callable[[], None] = lambda: None
        self.is_resting = False
        """Whether a stream that may end as idle, or break late, is open."""

    def register(self, server: aio.Server) -> None:
        """Add the services to a server."""
        get_items = grpc.unary_unary_rpc_method_handler(
            self._get_items,
            collection_service_pb2.GetItemsRequest.FromString,
            collection_service_pb2.GetItemsResponse.SerializeToString,
        )
        ingest = grpc.stream_stream_rpc_method_handler(
            self._ingest, IngestRequest.FromString, IngestResponse.SerializeToString
        )
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    "tihua.v1.CollectionService", {"GetItems": get_items}
                ),
                grpc.method_handlers_generic_handler("tihua.v1.IngestService", {"Ingest": ingest}),
            ]
        )
        system_service_pb2_grpc.add_SystemServiceServicer_to_server(self, server)

    async def GetServerInfo(
        self, request: system_service_pb2.GetServerInfoRequest, context: object
    ) -> system_service_pb2.GetServerInfoResponse:
        """Return limits."""
        limits = system_service_pb2.Limits(
            max_message_bytes=100_000,
            max_batch_items=64,
            max_image_bytes=90_000,
            max_page_size=100,
        )
        return system_service_pb2.GetServerInfoResponse(limits=limits)

    async def _get_items(
        self,
        request: collection_service_pb2.GetItemsRequest,
        context: "aio.ServicerContext[Message, Message]",
    ) -> collection_service_pb2.GetItemsResponse:
        """Return the ids of the items that are stored."""
        if request.collection == "half-missing":
            await context.abort(grpc.StatusCode.NOT_FOUND, "it was dropped a moment ago")
        if request.collection == "half-away":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the store does not answer")
        there = [types_pb2.Item(id=item_id) for item_id in request.ids if item_id in self.stored]
        return collection_service_pb2.GetItemsResponse(items=there)

    async def _ingest(self, _: object, context: Context) -> None:
        """Run one stream by its plan."""
        plan = self.plans.pop(0) if self.plans else Plan()
        start = await self._take_start(context)
        if start.collection == "missing":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such collection")
        if plan.forgets:
            self.sessions.clear()
        session = self.sessions.setdefault(start.session_id, Session())
        if start.read_seq > session.committed:
            session.committed = start.read_seq
            session.written = start.items_written
            session.failed = start.items_failed
            session.bookmark = start.read_bookmark
        credit = IngestCredit(batches=plan.credit, bytes=plan.credit * 50_000)
        started = IngestStarted(
            committed_seq=session.committed, credit=credit, committed_bookmark=session.bookmark
        )
        self.is_resting = plan.end in {"idle", "late break"}
        try:
            await context.write(IngestResponse(started=started))
            if plan.after == 0:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            if session.committed > start.read_seq:
                await context.write(IngestResponse(ack=session.acknowledged()))
            await self._run(plan, credit, session, context)
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise
        finally:
            self.is_resting = False

    async def _take_start(self, context: Context) -> IngestStart:
        request = await context.read()
        assert isinstance(request, IngestRequest)
        self.starts.append(request.start)
        return request.start

    async def _run(
        self, plan: Plan, credit: IngestCredit, session: Session, context: Context
    ) -> None:
        received = 0
        while isinstance(request := await self._next(plan, context), IngestRequest):
            received += 1
            is_last = received == plan.after
            self._check_credit(credit, request)
            if is_last and plan.end == "break":
                await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            if is_last and plan.end == "late break":
                await asyncio.sleep(IDLE_S)
                await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            if is_last and plan.end == "hang":
                self.hangs.set()
                self.on_hang()
                await asyncio.Event().wait()
            ack = self._commit(session, request)
            if is_last and plan.end == "lost ack":
                await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            await context.write(IngestResponse(ack=ack))
            if is_last and plan.end == "drain":
                await context.write(IngestResponse(draining=IngestDraining()))
                await context.abort(grpc.StatusCode.UNAVAILABLE, "draining")
            granted = IngestCredit(batches=1, bytes=request.ByteSize())
            credit.batches += granted.batches
            credit.bytes += granted.bytes
            await context.write(IngestResponse(credit=granted))
        if plan.end != "no summary":
            summary = IngestSummaryMessage(
                committed_seq=session.committed,
                items_written=session.written,
                items_failed=session.failed,
            )
            await context.write(IngestResponse(summary=summary))

    async def _next(self, plan: Plan, context: Context) -> object:
        if plan.end != "idle":
            return await context.read()
        reading = asyncio.ensure_future(context.read())
        try:
            await asyncio.wait({reading}, timeout=IDLE_S)
            if reading.done():
                return reading.result()
        finally:
            reading.cancel()
        idle = refusal(grpc.StatusCode.UNAVAILABLE, "idle", reason="STREAM_IDLE")
        return await _abort(context, idle)

    def _check_credit(self, credit: IngestCredit, request: IngestRequest) -> None:
        if credit.batches < 1 or credit.bytes < request.ByteSize():
            self.violations.append(f"batch {request.batch.seq} was sent without credit")
        else:
            credit.batches -= 1
            credit.bytes -= request.ByteSize()

    def _commit(self, session: Session, request: IngestRequest) -> IngestAck:
        batch = request.batch
        if batch.seq != session.committed + 1:
            self.violations.append(f"batch {batch.seq} came after {session.committed}")
        session.committed = batch.seq
        session.bookmark = batch.bookmark
        errors = []
        for index, item in enumerate(batch.items):
            if item.id.startswith("bad"):
                session.failed += 1
                error = types_pb2.ItemError(index=index, id=item.id, code=3, reason="BAD")
                errors.append(BatchError(seq=batch.seq, error=error))
            else:
                session.written += 1
                self.stored.append(item.id)
        return session.acknowledged(errors)


class Refusing(FakeServer):
    """Refuses the first streams with given statuses."""

    def __init__(self, *refusals: status_pb2.Status) -> None:
        """Refuse one stream with each status, in order."""
        super().__init__()
        self.refusals = list(refusals)

    async def _ingest(self, _: object, context: Context) -> None:
        """Refuse, or run the stream."""
        if self.refusals:
            await self._take_start(context)
            await _abort(context, self.refusals.pop(0))
        await super()._ingest(_, context)


async def _abort(context: Context, status: status_pb2.Status) -> NoReturn:
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, status.message, trailing_metadata=details)
