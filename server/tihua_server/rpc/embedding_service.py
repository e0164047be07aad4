"""EmbeddingService over gRPC."""

from collections.abc import Sequence
from time import perf_counter
from typing import TypeVar

from tihua.v1 import embedding_service_pb2 as pb
from tihua.v1 import embedding_service_pb2_grpc as rpc
from tihua.v1 import types_pb2

from tihua_server.config import Limits
from tihua_server.embedded import Embedded
from tihua_server.embedder import Embedder
from tihua_server.rpc.answers import from_embedded, from_ref, from_stages
from tihua_server.rpc.call import Context
from tihua_server.rpc.item_requests import to_image_or_error
from tihua_server.rpc.requests import check_batch, check_vector_type, to_lane
from tihua_server.served_models import ServedModels
from tihua_server.types import ModelInfo

Response = TypeVar("Response", pb.EmbedTextResponse, pb.EmbedImageResponse)


class EmbeddingService(rpc.EmbeddingServiceServicer):
    """Answers EmbedText and EmbedImage."""

    def __init__(self, models: ServedModels, limits: Limits) -> None:
        """Serve these models, within the bounds on a request."""
        self._models = models
        self._limits = limits

    async def EmbedText(
        self, request: pb.EmbedTextRequest, context: Context
    ) -> pb.EmbedTextResponse:
        """Embed texts."""
        start_s = perf_counter()
        options = request.options
        embedder = self._embedder(request.texts, "texts", options)
        embedded = await embedder.embed_texts(
            request.texts,
            lane=to_lane(options.priority),
            truncate=not request.HasField("truncate") or request.truncate,
        )
        answer = _answer(
            pb.EmbedTextResponse, embedded, embedder.model, options.vector_type, start_s
        )
        answer.truncated_texts.extend(embedded.truncated)
        return answer

    async def EmbedImage(
        self, request: pb.EmbedImageRequest, context: Context
    ) -> pb.EmbedImageResponse:
        """Embed pictures."""
        start_s = perf_counter()
        options = request.options
        embedder = self._embedder(request.images, "images", options)
        images = [to_image_or_error(image) for image in request.images]
        lane, vector_type = to_lane(options.priority), options.vector_type
        del request, options  # which hold another copy of every picture
        embedded = await embedder.embed(images, lane=lane)
        return _answer(pb.EmbedImageResponse, embedded, embedder.model, vector_type, start_s)

    def _embedder(self, inputs: Sequence[object], name: str, options: pb.EmbedOptions) -> Embedder:
        """Validate the request and return the embedder of its model."""
        check_batch(inputs, name, self._limits.max_batch_items)
        check_vector_type(options.vector_type)
        return self._models.named(options.model, within="options.")


def _answer(
    response_type: type[Response],
    embedded: Embedded,
    model: ModelInfo,
    vector_type: "types_pb2.VectorType.ValueType",
    start_s: float,
) -> Response:
    embeddings, errors = from_embedded(embedded, model.dim, vector_type)
    return response_type(
        embeddings=embeddings,
        errors=errors,
        model=from_ref(model.ref),
        timing=from_stages(embedded.stages, start_s),
    )
