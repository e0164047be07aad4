"""A fake ingest server in front of a real server, for programs that also make other calls."""

import contextlib
from collections.abc import AsyncIterator

import grpc
from fake_ingest_server import FakeServer
from grpc import aio


class Forwarding(grpc.GenericRpcHandler):
    """Forwards unary calls to another server, including its errors."""

    def __init__(self, upstream: aio.Channel) -> None:
        """Forward to the server of the channel `upstream`."""
        self._upstream = upstream

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return a handler that forwards the method, whichever it is."""
        call: aio.UnaryUnaryMultiCallable[bytes, bytes] = self._upstream.unary_unary(
            handler_call_details.method
        )

        async def forward(
            request: bytes, context: "aio.ServicerContext[bytes, bytes]"
        ) -> bytes | None:
            try:
                return await call(request)
            except aio.AioRpcError as error:
                trailers = tuple(error.trailing_metadata())
                await context.abort(error.code(), error.details() or "", trailers)

        return grpc.unary_unary_rpc_method_handler(forward)


@contextlib.asynccontextmanager
async def fronting(upstream: str, fake: FakeServer) -> AsyncIterator[str]:
    """Serve what `fake` implements by `fake`, and everything else by the server at `upstream`.

    Yields:
        The address of both.
    """
    async with aio.insecure_channel(upstream) as channel:
        server = aio.server()
        fake.register(server)
        server.add_generic_rpc_handlers([Forwarding(channel)])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(grace=None)
