"""A bare grpc.aio server that answers every call with the same bytes: the transport's own limit."""

import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc

from bench.companion import serve
from bench.contender import CHANNEL_OPTIONS


@contextlib.asynccontextmanager
async def echo_server(*, methods: dict[str, str]) -> AsyncIterator[str]:
    """Run the server; yield its address.

    Args:
        methods: each method's answer in base64, by the method's full name.
    """
    server = grpc.aio.server(options=CHANNEL_OPTIONS)
    for path, answer in methods.items():
        _, service, method = path.split("/")
        server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    service, {method: _handler(base64.b64decode(answer))}
                ),
            )
        )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(grace=1)


def _handler(answer: bytes) -> Any:
    async def handle(request: bytes, context: Any) -> bytes:
        return answer

    return grpc.unary_unary_rpc_method_handler(handle)


if __name__ == "__main__":
    serve(echo_server)
