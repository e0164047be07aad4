"""Around every call: who calls, errors as statuses, one line in the log: at DEBUG if all went well.

The one place where a stray exception is caught: it is a bug, logged with its traceback, and its
text stays here.

Methods are wrapped once, when their service is added, and found by one generic handler. The ways
that grpc.aio offers cost a call more than all of ours: an interceptor is asked for the handler of
each call, and for each method that is registered by name a future waits, all of which grpc.aio 1.85
goes through at every call (with our 25 methods a tenth of a small call's time).

Whoever may not call is refused when the method is looked up, which is before a message is read: a
stranger's 64 MiB stay in the network.
"""

import asyncio
import contextlib
import logging
import time
import urllib.parse
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import grpc
import structlog
from google.protobuf.message import DecodeError

from tihua_server.access import CALLER, NEEDED_ROLES, Access
from tihua_server.errors import (
    InvalidInput,
    ModelError,
    ServiceError,
    StoreError,
    StoreUnavailable,
    StreamIdle,
)
from tihua_server.observer import Observer
from tihua_server.request_id import METADATA_KEY, begin_request
from tihua_server.status import DETAILS_KEY, rich_status, status_code
from tihua_server.streams import Streams

MAX_WAY_S = 0.1
MAX_ROUNDING = 0.01
"""How much later than the caller's our deadline of its call may be.

The call was on its way, and gRPC rounds what it sends up: 30 s to a tenth of a second, 5 minutes to
a second.
"""

STATUS_TIMEOUT_S = 1.0
"""How long a call waits until its status has left, in seconds."""

Handler = Any  # grpc.RpcMethodHandler, typed for synchronous servers only
Context = grpc.aio.ServicerContext[Any, Any]
Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]
Parse: TypeAlias = Callable[[bytes], Any]


class CallInterceptor:
    """Lets callers in, translates errors, logs and counts, for unary and streaming methods alike.

    To generated code it is the server: `add_…Servicer_to_server(servicer, interceptor)`.

    Attributes:
        log: where calls are logged.
        observer: hears of their beginning and end.
        under_way: how many there are.
    """

    def __init__(
        self,
        server: grpc.aio.Server,
        observer: Observer,
        access: Access,
        streams: Streams,
        *,
        write_timeout_s: float,
    ) -> None:
        """Take the server, who hears of its calls, and what knows their callers.

        Args:
            server: where the methods go.
            observer: hears of calls.
            access: knows who may call what.
            streams: how many each client has open.
            write_timeout_s: how long a client may leave a message of its stream unread, in seconds.
        """
        self.observer = observer
        self._methods: dict[str, Handler] = {}
        self._access = access
        self._streams = streams
        self._write_timeout_s = write_timeout_s
        # Bound once: the lazy logger of a module takes 5 us to find out that it has nothing to say.
        self.log = structlog.get_logger("tihua").bind()
        self.under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        server.add_generic_rpc_handlers((_Router(self._methods, self._admitted),))

    async def idle(self) -> None:
        """Return when no call of ours is under way."""
        await self._idle.wait()

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Sequence[Any]) -> None:
        """Do nothing: generated code names the same methods again in the next call."""

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Add the methods of a service; ours are wrapped, health and reflection are not."""
        is_ours = service_name.startswith("tihua.")
        for name, handler in method_handlers.items():
            method = f"{service_name}/{name}"
            assert method in NEEDED_ROLES, f"access.py does not say who may call {method}"
            self._methods[f"/{method}"] = self._wrapped(handler, method) if is_ours else handler

    def _admitted(self, path: str, handler: Handler, metadata: Metadata) -> Handler:
        """Return what answers a call: its method, or a refusal."""
        method = path.removeprefix("/")
        try:
            caller = self._access.caller(method, metadata)
            CALLER.set(caller)
            self._access.check(caller, method)
        except ServiceError as error:
            return self._refusal(method, error)
        return handler

    def _refusal(self, method: str, error: ServiceError) -> Handler:
        async def refuse(requests: AsyncIterator[Any], context: Context) -> None:
            async with _Call(self, method, context):
                raise error

        # A unary method would be sent its request first.
        return grpc.stream_stream_rpc_method_handler(refuse)

    def _wrapped(self, handler: Handler, method: str) -> Handler:
        # Messages are parsed within the call: gRPC would answer UNKNOWN to what does not parse.
        parse, serialize = handler.request_deserializer, handler.response_serializer
        if handler.stream_stream is not None:
            streaming = handler.stream_stream

            async def stream(raw_requests: AsyncIterable[bytes], context: Context) -> None:
                caller = CALLER.get()
                requests = _Parsed(raw_requests, parse)
                # Closed here and now: left to gRPC, a generator whose client went away lives on.
                async with (
                    _Call(self, method, context),
                    contextlib.aclosing(streaming(requests, context)) as responses,
                ):
                    with self._streams.held(caller.name or _host(context)):
                        async for response in responses:
                            self._access.check_again(caller)
                            await self._write(context, response)

            return grpc.stream_stream_rpc_method_handler(stream, None, serialize)
        unary = handler.unary_unary

        async def answer(raw_request: bytes, context: Context) -> Any:
            async with _Call(self, method, context):
                return await unary(_parsed(raw_request, parse), context)

        return grpc.unary_unary_rpc_method_handler(answer, None, serialize)

    async def _write(self, context: Context, response: Any) -> None:
        try:
            async with asyncio.timeout(self._write_timeout_s):
                await context.write(response)
        except TimeoutError as error:
            raise StreamIdle(
                f"nothing was read for {self._write_timeout_s:g} s; open the stream again and read "
                "what it says"
            ) from error

    def begin(self) -> None:
        """Count a call."""
        if not self.under_way:
            self._idle.clear()
        self.under_way += 1

    def end(self) -> None:
        """Count it no more."""
        self.under_way -= 1
        if not self.under_way:
            self._idle.set()


class _Router(grpc.GenericRpcHandler):
    """Finds what answers a call."""

    def __init__(
        self, methods: Mapping[str, Handler], admitted: Callable[[str, Handler, Metadata], Handler]
    ) -> None:
        self._methods = methods
        self._admitted = admitted

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the method of a call, or its refusal; None where there is no such method."""
        path = handler_call_details.method
        if (handler := self._methods.get(path)) is None:
            return None
        return self._admitted(path, handler, handler_call_details.invocation_metadata)


class _Parsed:
    """The messages of a stream, each parsed when it is asked for."""

    def __init__(self, raw: AsyncIterable[bytes], parse: Parse) -> None:
        self._raw = raw
        self._messages: AsyncIterator[bytes] | None = None
        self._parse = parse

    def __aiter__(self) -> "_Parsed":
        return self

    async def __anext__(self) -> Any:
        # Not before somebody reads: gRPC would warn of a refused stream that nobody did.
        if self._messages is None:
            self._messages = aiter(self._raw)
        return _parsed(await anext(self._messages), self._parse)


def _parsed(raw: bytes, parse: Parse) -> Any:
    try:
        return parse(raw)
    except DecodeError as error:
        raise InvalidInput(
            f"a message of {len(raw)} bytes does not parse; were both ends made of one contract?",
            reason="MALFORMED_MESSAGE",
        ) from error


class _Call:
    """One call of ours, from its beginning to its status and its line in the log."""

    __slots__ = ("_calls", "_context", "_method", "_request_id", "_start_s")

    def __init__(self, calls: CallInterceptor, method: str, context: Context) -> None:
        self._calls = calls
        self._method = method.removeprefix("tihua.v1.")
        self._context = context
        self._request_id = ""
        self._start_s = time.perf_counter()

    async def __aenter__(self) -> None:
        metadata = tuple(self._context.invocation_metadata() or ())
        self._request_id = begin_request(metadata)
        self._calls.observer.rpc_began(self._method, metadata)
        self._context.set_trailing_metadata(((METADATA_KEY, self._request_id),))
        self._calls.begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        try:
            await self._end(error)
        finally:
            self._calls.end()

    async def _end(self, error: BaseException | None) -> None:
        """Tell the caller, and log; what is no error of ours goes on as it is."""
        match error:
            case None:
                # A line for every one would take a fifth of the time of a server of small calls.
                self._report("OK", level=logging.DEBUG)
            case StoreUnavailable() | StoreError() | ModelError():
                # What an operator has to mend, and no caller can: the log must say what it is.
                self._report_error(error, level=logging.WARNING, message=error.message)
                await self._abort(error)
            case ServiceError():
                self._report_error(error)
                await self._abort(error)
            case asyncio.CancelledError():
                self._report("DEADLINE_EXCEEDED" if self._is_late() else "CANCELLED")
            case grpc.aio.AbortError():
                self._report("ABORTED")
            case Exception():
                # A bug: whoever called hears only that there is one.
                self._calls.log.error("bug", method=self._method, exc_info=error)
                told = "internal error; the server's log has the details of request "
                bug = ServiceError(told + self._request_id)
                self._report_error(bug)
                await self._abort(bug)

    def _is_late(self) -> bool:
        """Return whether the caller's deadline has passed: it hangs up then, as if it had left."""
        left_s = self._left_s()
        if left_s is None:
            return False
        deadline_s = time.perf_counter() - self._start_s + left_s
        return left_s < MAX_WAY_S + MAX_ROUNDING * deadline_s

    def _left_s(self) -> float | None:
        """Return what is left of the deadline, in seconds; None if there is none."""
        return self._context.time_remaining()

    def _report_error(self, error: ServiceError, level: int = logging.INFO, **more: str) -> None:
        self._report(status_code(error).name, error.reason, level, **more)

    def _report(self, code: str, reason: str = "", level: int = logging.INFO, **more: str) -> None:
        """Tell the observer and the log how the call ended."""
        self._calls.observer.rpc_ended(self._method, code, reason, self._start_s)
        log = self._calls.log
        if not log.is_enabled_for(level):
            return
        elapsed_s = time.perf_counter() - self._start_s
        left_s = self._left_s()
        fields: dict[str, object] = {"method": self._method, "code": code}
        if reason:
            fields["reason"] = reason
        fields["ms"] = round(elapsed_s * 1000, 1)
        if left_s is not None:
            fields["deadline_ms"] = round((elapsed_s + left_s) * 1000)
        if caller := CALLER.get().name:
            fields["caller"] = caller
        fields["peer"] = _peer(self._context)
        log.log(level, "rpc", **fields, **more)

    async def _abort(self, error: ServiceError) -> None:
        status = rich_status(error, self._request_id)
        # A status waits behind the messages before it, and who reads none of those reads no
        # status: gRPC keeps it for later, but nobody waits for that here.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                await self._context.abort(
                    status_code(error),
                    status.message,
                    ((METADATA_KEY, self._request_id), (DETAILS_KEY, status.SerializeToString())),
                )


def _peer(context: Context) -> str:
    """Return where a call comes from: `ipv4:192.0.2.1:50123`."""
    return urllib.parse.unquote(context.peer())


def _host(context: Context) -> str:
    """Return the machine that a call comes from: it may have many ports."""
    kind, _, address = _peer(context).partition(":")
    return address.rpartition(":")[0] if kind in {"ipv4", "ipv6"} else kind
