"""A plain grpc.aio server without batching: one thread runs torch in fp32, call by call."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

from bench.companion import serve
from bench.contender import CHANNEL_OPTIONS
from bench.peers.torch_network import TorchNetwork

SERVICE = "bench.Plain"


@contextlib.asynccontextmanager
async def plain_server(*, model: str, weights: str) -> AsyncIterator[str]:
    """Run the server; yield its address."""
    network = TorchNetwork(model, Path(weights), threads=0, is_bf16=False, is_trimmed=False)
    thread = ThreadPoolExecutor(1)

    def handler(embed: Callable[[Sequence[bytes]], list[bytes]]) -> Any:
        async def handle(request: bytes, context: Any) -> bytes:
            loop = asyncio.get_running_loop()
            [embedding] = await loop.run_in_executor(thread, embed, [request])
            return embedding

        return grpc.unary_unary_rpc_method_handler(handle)

    methods = {
        "Text": handler(lambda texts: network.embed_texts([text.decode() for text in texts])),
        "Image": handler(network.embed_images),
    }
    server = grpc.aio.server(options=CHANNEL_OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(grace=1)


if __name__ == "__main__":
    serve(plain_server)
