"""The plain grpc.aio server as a contender."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import grpc

from bench.companion import companion
from bench.contender import CHANNEL_OPTIONS, BytesMethod, Refused
from bench.peers.plain_server import SERVICE


class Plain:
    """Calls the server in `plain_server.py`."""

    name = "plain grpc.aio"

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Call the server through `channel`."""
        self._text: BytesMethod = channel.unary_unary(f"/{SERVICE}/Text")
        self._image: BytesMethod = channel.unary_unary(f"/{SERVICE}/Image")

    async def embed_text(self, text: str) -> bytes:
        """Return the embedding of a text.

        Raises:
            Refused: there is no embedding.
        """
        return await _answered(self._text, text.encode())

    async def embed_image(self, image: bytes) -> bytes:
        """Return the embedding of a picture file.

        Raises:
            Refused: there is no embedding.
        """
        return await _answered(self._image, image)


@contextlib.asynccontextmanager
async def plain(model: str, weights: Path) -> AsyncIterator[Plain]:
    """Run the server."""
    async with companion("bench.peers.plain_server") as process:
        address = await process.ask(model=model, weights=str(weights))
        async with grpc.aio.insecure_channel(address, CHANNEL_OPTIONS) as channel:
            yield Plain(channel)


async def _answered(method: BytesMethod, request: bytes) -> bytes:
    try:
        answer: bytes = await method(request)
    except grpc.aio.AioRpcError as error:
        raise Refused(f"{error.code()}: {error.details()}") from error
    return answer
