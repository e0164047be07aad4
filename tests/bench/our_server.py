"""Our own server: a process, started as a user would start it."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc
from processes import ServerProcess, running
from tihua.v1 import embedding_service_pb2 as pb
from tihua.v1 import search_service_pb2, types_pb2
from tihua.v1.embedding_service_pb2_grpc import EmbeddingServiceStub
from tihua.v1.search_service_pb2_grpc import SearchServiceStub
from tihua_server.types import PixelArray

from bench.contender import CHANNEL_OPTIONS, Refused
from bench.materials import Materials
from bench.settings import Settings

START_TIMEOUT_S = 600.0
"""The first start with a model converts it, and for int8 calibrates it: minutes."""


class OurServer:
    """A `tihua-server`, and bare stubs to it.

    Args:
        process: the running server.
        channel: to the server; belongs to the calling event loop.
    """

    name = "tihua"

    def __init__(self, process: ServerProcess, channel: grpc.aio.Channel) -> None:
        self.address = process.address
        self.resident_bytes = process.resident_bytes
        self.peak_bytes = process.peak_bytes
        self.cpu_seconds = process.cpu_seconds
        self._embedding = EmbeddingServiceStub(channel)
        self._search = SearchServiceStub(channel)

    async def embed_text(self, text: str) -> bytes:
        """Return the embedding of a text by EmbedText.

        Raises:
            Refused: there is no embedding.
        """
        return await self.embed_texts([text])

    async def embed_texts(self, texts: Sequence[str]) -> bytes:
        """Return the embeddings of texts by one EmbedText.

        Raises:
            Refused: an embedding is missing.
        """
        try:
            response = await self._embedding.EmbedText(pb.EmbedTextRequest(texts=texts))
        except grpc.aio.AioRpcError as error:
            raise Refused(f"{error.code()}: {error.details()}") from error
        return _all(response)

    async def embed_image(self, image: bytes) -> bytes:
        """Return the embedding of a picture file by EmbedImage.

        Raises:
            Refused: there is no embedding.
        """
        return await self.embed_images([image])

    async def embed_images(self, images: Sequence[bytes]) -> bytes:
        """Return the embeddings of picture files by one EmbedImage.

        Raises:
            Refused: an embedding is missing.
        """
        return await self._embed_images([types_pb2.ImageSource(content=image) for image in images])

    async def embed_pixels(self, pixels: PixelArray) -> bytes:
        """Return the embedding of a decoded picture, (height, width, 3) uint8 RGB, by EmbedImage.

        Raises:
            Refused: there is no embedding.
        """
        height_px, width_px, _ = pixels.shape
        rgb = types_pb2.RgbImage(data=pixels.tobytes(), width_px=width_px, height_px=height_px)
        return await self._embed_images([types_pb2.ImageSource(rgb=rgb)])

    async def _embed_images(self, images: Sequence[types_pb2.ImageSource]) -> bytes:
        try:
            response = await self._embedding.EmbedImage(pb.EmbedImageRequest(images=images))
        except grpc.aio.AioRpcError as error:
            raise Refused(f"{error.code()}: {error.details()}") from error
        return _all(response)

    async def search(self, text: str, collection: str, *, limit: int) -> int:
        """Return the number of hits of a Search by text."""
        term = search_service_pb2.QueryTerm(text=text)
        request = search_service_pb2.SearchRequest(collection=collection, terms=[term], limit=limit)
        return len((await self._search.Search(request)).hits)


def model_flags(
    settings: Settings,
    materials: Materials,
    *,
    model: str | None = None,
    engine: str | None = None,
    precision: str | None = None,
) -> list[str]:
    """Return the flags that choose model, engine and precision; None means the settings'."""
    model = model or settings.model
    flags = ["--model", model, "--model-dir", str(materials.converted)]
    if path := materials.model_path(model):
        flags += ["--model-path", str(path)]
    flags += ["--engine", engine or settings.engine]
    return [*flags, "--precision", precision or settings.precision]


@contextlib.asynccontextmanager
async def our_server(*flags: str) -> AsyncIterator[OurServer]:
    """Run a server on a free port, with an empty embedded store of its own.

    Raises:
        ServerFailed: it did not start.
    """
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tihua-bench-"))
        process = stack.enter_context(
            running(Path(folder), *flags, start_timeout_s=START_TIMEOUT_S)
        )
        channel = grpc.aio.insecure_channel(process.address, CHANNEL_OPTIONS)
        yield OurServer(process, await stack.enter_async_context(channel))


def _all(response: pb.EmbedTextResponse | pb.EmbedImageResponse) -> bytes:
    if response.errors:
        raise Refused(response.errors[0].message)
    return response.embeddings.data
