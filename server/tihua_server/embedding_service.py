"""EmbeddingService over gRPC."""

from collections.abc import Sequence
from time import perf_counter
from typing import TypeVar

from tihua.v1 import embedding_service_pb2 as pb
from tihua.v1 import embedding_service_pb2_grpc as rpc

from tihua_server.answers import from_embedded, from_ref, from_stages
from tihua_server.config import Limits
from tihua_server.embedder import Embedded, Embedder
from tihua_server.interceptor import Context
from tihua_server.requests import check_batch, dtype_of, to_image_or_error, to_lane

Response = TypeVar("Response", pb.EmbedTextResponse, pb.EmbedImageResponse)


class EmbeddingService(rpc.EmbeddingServiceServicer):
    """Answers EmbedText and EmbedImage."""

    def __init__(self, embedder: Embedder, limits: Limits) -> None:
        """Take the model's door and the bounds on a request."""
        self._embedder = embedder
        self._limits = limits
        self._model = from_ref(embedder.model.ref)

    async def EmbedText(
        self, request: pb.EmbedTextRequest, context: Context
    ) -> pb.EmbedTextResponse:
        """Embed texts."""
        start_s = perf_counter()
        options = request.options
        self._check(request.texts, "texts", options)
        embedded = await self._embedder.embed_texts(
            request.texts,
            lane=to_lane(options.priority),
            truncate=not request.HasField("truncate") or request.truncate,
        )
        return self._answer(pb.EmbedTextResponse, embedded, options, start_s)

    async def EmbedImage(
        self, request: pb.EmbedImageRequest, context: Context
    ) -> pb.EmbedImageResponse:
        """Embed pictures."""
        start_s = perf_counter()
        options = request.options
        self._check(request.images, "images", options)
        images = [to_image_or_error(image) for image in request.images]
        embedded = await self._embedder.embed(images, lane=to_lane(options.priority))
        return self._answer(pb.EmbedImageResponse, embedded, options, start_s)

    def _check(self, inputs: Sequence[object], name: str, options: pb.EmbedOptions) -> None:
        check_batch(inputs, name, self._limits.max_batch_items)
        self._embedder.require_model(options.model)
        dtype_of(options.vector_type)

    def _answer(
        self,
        response_type: type[Response],
        embedded: Embedded,
        options: pb.EmbedOptions,
        start_s: float,
    ) -> Response:
        dim = self._embedder.model.dim
        embeddings, errors = from_embedded(embedded, dim, options.vector_type)
        return response_type(
            embeddings=embeddings,
            errors=errors,
            model=self._model,
            timing=from_stages(embedded.stages, start_s),
        )
