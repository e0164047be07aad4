"""Around every call: errors become statuses, and one line is logged: at DEBUG if all went well.

The one place where a stray exception is caught: it is a bug, logged with its traceback, and its
text stays here.

Methods are wrapped once, when their service is added, and added as generic handlers. The ways that
grpc.aio offers cost a call more than all of ours: an interceptor is asked for the handler of each
call, and for each method that is registered by name a future waits, all of which grpc.aio 1.85 goes
through at every call (with our 25 methods a tenth of a small call's time).
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import grpc
import structlog
from google.rpc import status_pb2

from tihua_server.errors import ServiceError
from tihua_server.status import DETAILS_KEY, rich_status

_log = structlog.get_logger("tihua")

Handler = Any  # grpc.RpcMethodHandler, typed for synchronous servers only
Context = grpc.aio.ServicerContext[Any, Any]


class CallInterceptor:
    """Translates errors, logs and counts, for unary and bidirectional methods alike.

    To generated code it is the server: `add_…Servicer_to_server(servicer, interceptor)`.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        """Take the server; no calls are under way."""
        self._server = server
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Return when no call of ours is under way."""
        await self._idle.wait()

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Sequence[Any]) -> None:
        """Do nothing: generated code names the same methods again in the next call."""

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Add the methods of a service; ours are wrapped, health and reflection are not."""
        if service_name.startswith("tihua."):
            service = service_name.removeprefix("tihua.v1.")
            method_handlers = {
                name: self._wrapped(handler, f"{service}/{name}")
                for name, handler in method_handlers.items()
            }
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service_name, dict(method_handlers)),)
        )

    def _wrapped(self, handler: Handler, name: str) -> Handler:
        codec = (handler.request_deserializer, handler.response_serializer)
        if handler.stream_stream is not None:
            streaming = handler.stream_stream

            async def stream(requests: AsyncIterator[Any], context: Context) -> None:
                # Closed here and now: left to gRPC, a generator whose client went away lives on.
                async with (
                    _Call(self, name, context),
                    contextlib.aclosing(streaming(requests, context)) as responses,
                ):
                    async for response in responses:
                        await context.write(response)

            return grpc.stream_stream_rpc_method_handler(stream, *codec)
        unary = handler.unary_unary

        async def answer(request: Any, context: Context) -> Any:
            async with _Call(self, name, context):
                return await unary(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, *codec)

    def begin(self) -> None:
        """Count a call."""
        if not self._under_way:
            self._idle.clear()
        self._under_way += 1

    def end(self) -> None:
        """Count it no more."""
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()


class _Call:
    """One call of ours, from its beginning to its status and its line in the log."""

    __slots__ = ("_calls", "_context", "_method", "_start_s")

    def __init__(self, calls: CallInterceptor, method: str, context: Context) -> None:
        self._calls = calls
        self._method = method
        self._context = context
        self._start_s = time.perf_counter()

    async def __aenter__(self) -> None:
        self._calls.begin()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        try:
            if error is None:
                self._log("OK")
            else:
                await self._refuse(error)
        finally:
            self._calls.end()

    async def _refuse(self, error: BaseException) -> None:
        """Tell the caller, and log; what is no error of ours goes on as it is."""
        match error:
            case ServiceError():
                status = rich_status(error)
                self._log(_STATUS_BY_NUMBER[status.code].name, reason=error.reason)
                await _abort(self._context, status)
            case asyncio.CancelledError():
                self._log("CANCELLED")
            case grpc.aio.AbortError():
                self._log("ABORTED")
            case Exception():
                # A bug: whoever called hears only that there is one.
                _log.error("bug", method=self._method, exc_info=error)
                self._log("INTERNAL")
                bug = ServiceError("internal error; the server's log has the details")
                await _abort(self._context, rich_status(bug))

    def _log(self, code: str, **reason: str) -> None:
        # A line for every good call would take a fifth of the time of a server of small calls.
        log = _log.debug if code == "OK" else _log.info
        duration_ms = round((time.perf_counter() - self._start_s) * 1000, 1)
        log("rpc", method=self._method, code=code, **reason, ms=duration_ms)


async def _abort(context: Context, status: status_pb2.Status) -> None:
    await context.abort(
        _STATUS_BY_NUMBER[status.code],
        status.message,
        ((DETAILS_KEY, status.SerializeToString()),),
    )


_STATUS_BY_NUMBER: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
