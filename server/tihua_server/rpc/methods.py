"""Wraps methods in authorization and a `Call`, which logs calls and turns errors into statuses.

Methods are wrapped once, when their service is added, and looked up by one generic handler. What
grpc.aio offers costs a call more than all of our code: it asks an interceptor for the handler of
each call, and it keeps a pending future for each method registered by name, and goes through all of
them at every call (grpc.aio 1.85; with our 25 methods a tenth of a small call's time).

A caller without permission is refused when the method is looked up, before a message is read: a
stranger's 64 MiB are never received.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from tihua_server.errors import InvalidInput, ServiceError, StreamIdle
from tihua_server.observer import CallMetadata
from tihua_server.rpc.access import CALLER, NEEDED_ROLES, Access
from tihua_server.rpc.call import Call, Calls, Context, host_of
from tihua_server.rpc.streams import Streams

Handler = Any  # grpc.RpcMethodHandler, typed for synchronous servers only
Parse: TypeAlias = Callable[[bytes], Any]


class Methods:
    """Every method of the server, wrapped to authorize callers, translate errors, log and count.

    Generated code adds them as to a server: `add_…Servicer_to_server(servicer, methods)`.
    """

    def __init__(
        self,
        server: grpc.aio.Server,
        calls: Calls,
        access: Access,
        streams: Streams,
        *,
        write_timeout_s: float,
    ) -> None:
        """Register with the server.

        Args:
            server: will serve the methods.
            calls: those in progress.
            access: authorizes callers.
            streams: bounds the open streams of each client.
            write_timeout_s: how long a client may leave a message of its stream unread, in seconds.
        """
        self._calls = calls
        self._handlers: dict[str, Handler] = {}
        self._access = access
        self._streams = streams
        self._write_timeout_s = write_timeout_s
        server.add_generic_rpc_handlers((_Router(self._handlers, self._admitted),))

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Sequence[Any]) -> None:
        """Do nothing: generated code passes the same methods again in its next call."""

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Add the methods of a service; ours are wrapped, health and reflection are not."""
        for name, handler in method_handlers.items():
            method = f"{service_name}/{name}"
            assert method in NEEDED_ROLES, f"access.py does not say who may call {method}"
            is_ours = _is_ours(method)
            self._handlers[f"/{method}"] = self._wrapped(handler, method) if is_ours else handler

    def _admitted(self, path: str, handler: Handler, metadata: CallMetadata) -> Handler:
        """Return the handler of the current task's call: its method, or a refusal."""
        method = path.removeprefix("/")
        # Here, and not in `Call`: a unary method is called when its whole message has arrived, and
        # a stopping server waits for uploads too. Not for watchers of health and reflection, which
        # stay forever.
        if _is_ours(method):
            self._calls.begin()
        try:
            caller = self._access.caller(method, metadata)
            CALLER.set(caller)
            self._access.check(caller, method)
        except ServiceError as error:
            return self._refusal(method, error)
        return handler

    def _refusal(self, method: str, error: ServiceError) -> Handler:
        async def refuse(requests: AsyncIterator[Any], context: Context) -> None:
            async with Call(self._calls, method, context):
                raise error

        # A unary handler would receive the request first.
        return grpc.stream_stream_rpc_method_handler(refuse)

    def _wrapped(self, handler: Handler, method: str) -> Handler:
        # Messages are parsed within the call: gRPC would answer UNKNOWN to what does not parse.
        parse, serialize = handler.request_deserializer, handler.response_serializer
        if handler.stream_stream is not None:
            streaming = handler.stream_stream

            async def stream(_: AsyncIterator[bytes], context: Context) -> None:
                caller = CALLER.get()
                requests = _Parsed(context, parse)
                # Closed here and now: left to gRPC, a generator whose client went away lives on.
                async with (
                    Call(self._calls, method, context),
                    contextlib.aclosing(streaming(requests, context)) as responses,
                ):
                    with self._streams.held(caller.name or host_of(context)):
                        async for response in responses:
                            self._access.check_again(caller)
                            await self._write(context, response)

            return grpc.stream_stream_rpc_method_handler(stream, None, serialize)
        unary = handler.unary_unary

        async def answer(raw_request: bytes, context: Context) -> Any:
            async with Call(self._calls, method, context):
                return await unary(_parsed(raw_request, parse), context)

        return grpc.unary_unary_rpc_method_handler(answer, None, serialize)

    async def _write(self, context: Context, response: Any) -> None:
        try:
            async with asyncio.timeout(self._write_timeout_s):
                await context.write(response)
        except TimeoutError as error:
            raise StreamIdle(
                f"the client read nothing for {self._write_timeout_s:g} s; open the stream again "
                "and read its messages"
            ) from error


def _is_ours(method: str) -> bool:
    """Return whether a method is tihua's own, and not of health or reflection."""
    return method.startswith("tihua.")


class _Router(grpc.GenericRpcHandler):
    """Looks up the handler of a call."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        admitted: Callable[[str, Handler, CallMetadata], Handler],
    ) -> None:
        self._handlers = handlers
        self._admitted = admitted

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the method of a call, or its refusal; None where there is no such method."""
        path = handler_call_details.method
        if (handler := self._handlers.get(path)) is None:
            return None
        return self._admitted(path, handler, handler_call_details.invocation_metadata)


class _Parsed:
    """The messages of a stream, each parsed when it is asked for; none is kept.

    gRPC's own iterator holds each message until the next one arrives.
    """

    def __init__(self, context: Context, parse: Parse) -> None:
        self._context = context
        self._parse = parse

    def __aiter__(self) -> "_Parsed":
        return self

    async def __anext__(self) -> Any:
        raw = await self._context.read()
        if raw is grpc.aio.EOF:
            raise StopAsyncIteration
        return _parsed(raw, self._parse)


def _parsed(raw: bytes, parse: Parse) -> Any:
    try:
        return parse(raw)
    except DecodeError as error:
        raise InvalidInput(
            f"a message of {len(raw)} bytes does not parse; do both ends have the same protos?",
            reason="MALFORMED_MESSAGE",
        ) from error
