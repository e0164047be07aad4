"""EmbeddingService over gRPC."""

from collections.abc import Sequence
from time import perf_counter
from typing import TypeVar

from tihua.v1 import embedding_service_pb2 as pb
from tihua.v1 import embedding_service_pb2_grpc as rpc

from tihua_server.answers import from_embedded, from_ref, from_stages
from tihua_server.config import Limits
from tihua_server.embedder import Embedder
from tihua_server.errors import ServiceError
from tihua_server.interceptor import Context
from tihua_server.requests import check_batch, dtype_of, to_image_or_error, to_lane
from tihua_server.types import Content, Text

Response = TypeVar("Response", pb.EmbedTextResponse, pb.EmbedImageResponse)


class EmbeddingService(rpc.EmbeddingServiceServicer):
    """Answers EmbedText and EmbedImage."""

    def __init__(self, embedder: Embedder, limits: Limits) -> None:
        """Take the model's door and the bounds on a request."""
        self._embedder = embedder
        self._limits = limits

    async def EmbedText(
        self, request: pb.EmbedTextRequest, context: Context
    ) -> pb.EmbedTextResponse:
        """Embed texts."""
        check_batch(request.texts, "texts", self._limits.max_batch_items)
        truncate = not request.HasField("truncate") or request.truncate
        texts = [Text(text) for text in request.texts]
        return await self._embed(texts, request.options, pb.EmbedTextResponse, truncate=truncate)

    async def EmbedImage(
        self, request: pb.EmbedImageRequest, context: Context
    ) -> pb.EmbedImageResponse:
        """Embed pictures."""
        check_batch(request.images, "images", self._limits.max_batch_items)
        images = [to_image_or_error(image) for image in request.images]
        return await self._embed(images, request.options, pb.EmbedImageResponse)

    async def _embed(
        self,
        contents: Sequence[Content | ServiceError],
        options: pb.EmbedOptions,
        response_type: type[Response],
        *,
        truncate: bool = True,
    ) -> Response:
        start_s = perf_counter()
        self._embedder.require_model(options.model)
        dtype_of(options.vector_type)
        embedded = await self._embedder.embed(
            contents, lane=to_lane(options.priority), truncate=truncate
        )
        model = self._embedder.model
        embeddings, errors = from_embedded(embedded, model.dim, options.vector_type)
        return response_type(
            embeddings=embeddings,
            errors=errors,
            model=from_ref(model.ref),
            timing=from_stages(embedded.stages, start_s),
        )
