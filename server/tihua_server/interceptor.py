"""Around every call: errors become statuses, and one line is logged.

The one place where a stray exception is caught: it is a bug, logged with its traceback, and its
text stays here.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import structlog
from google.rpc import status_pb2

from tihua_server.errors import ServiceError
from tihua_server.status import DETAILS_KEY, rich_status

_log = structlog.get_logger("tihua")

Handler = Any  # grpc.RpcMethodHandler, typed for synchronous servers only
Context = grpc.aio.ServicerContext[Any, Any]


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Translates errors, logs and counts, for unary and bidirectional methods alike."""

    def __init__(self) -> None:
        """Start with no calls under way."""
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Return when no call of ours is under way."""
        await self._idle.wait()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the method's handler, wrapped."""
        handler: Handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith("/tihua."):
            return handler  # None: gRPC answers UNIMPLEMENTED
        codec = (handler.request_deserializer, handler.response_serializer)
        if handler.stream_stream is not None:
            streaming = handler.stream_stream

            async def stream(requests: AsyncIterator[Any], context: Context) -> None:
                # Closed here and now: left to gRPC, a generator whose client went away lives on.
                async with (
                    self._call(method, context),
                    contextlib.aclosing(streaming(requests, context)) as responses,
                ):
                    async for response in responses:
                        await context.write(response)

            return grpc.stream_stream_rpc_method_handler(stream, *codec)
        unary = handler.unary_unary

        async def answer(request: Any, context: Context) -> Any:
            async with self._call(method, context):
                return await unary(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, *codec)

    @contextlib.asynccontextmanager
    async def _call(self, method: str, context: Context) -> AsyncIterator[None]:
        start_s = time.perf_counter()
        self._under_way += 1
        self._idle.clear()
        code, reason = "OK", ""
        try:
            yield
        except ServiceError as error:
            status = rich_status(error)
            code, reason = _name(status.code), error.reason
            await _abort(context, status)
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except grpc.aio.AbortError:
            code = "ABORTED"
            raise
        except Exception:  # noqa: BLE001  # a bug: whoever called hears only that there is one
            code = "INTERNAL"
            _log.exception("bug", method=method)
            bug = ServiceError("internal error; the server's log has the details")
            await _abort(context, rich_status(bug))
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
            _log.info(
                "rpc",
                method=method.removeprefix("/tihua.v1."),
                code=code,
                **({"reason": reason} if reason else {}),
                ms=round((time.perf_counter() - start_s) * 1000, 1),
            )


async def _abort(context: Context, status: status_pb2.Status) -> None:
    await context.abort(
        _STATUS_BY_NUMBER[status.code],
        status.message,
        ((DETAILS_KEY, status.SerializeToString()),),
    )


_STATUS_BY_NUMBER: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def _name(number: int) -> str:
    return _STATUS_BY_NUMBER[number].name
