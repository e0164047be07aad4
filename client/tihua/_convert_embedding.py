"""Converts embeddings, and the calls that make them, to and from messages."""

import math
import struct
import sys
from array import array
from collections.abc import Iterable

from tihua import _convert, _types
from tihua._types import Priority
from tihua.errors import InvalidRequestError, ServerError
from tihua.v1 import embedding_service_pb2, types_pb2

_PRIORITIES = {
    "interactive": embedding_service_pb2.PRIORITY_INTERACTIVE,
    "bulk": embedding_service_pb2.PRIORITY_BULK,
}
_BYTES_PER_ELEMENT = {
    types_pb2.VECTOR_TYPE_UNSPECIFIED: 4,
    types_pb2.VECTOR_TYPE_FLOAT32: 4,
    types_pb2.VECTOR_TYPE_FLOAT16: 2,
}


def embed_text_request(
    texts: Iterable[str], *, truncate: bool, priority: Priority, model: str
) -> embedding_service_pb2.EmbedTextRequest:
    """Return the request to embed texts."""
    return embedding_service_pb2.EmbedTextRequest(
        texts=_convert.checked_texts(texts, "texts"),
        options=_embed_options(priority, model),
        truncate=truncate,
    )


def embed_image_request(
    images: Iterable[_types.ImageLike], *, priority: Priority, model: str
) -> embedding_service_pb2.EmbedImageRequest:
    """Return the request to embed pictures."""
    return embedding_service_pb2.EmbedImageRequest(
        images=[
            _convert.image_source(image, f"images[{index}]") for index, image in enumerate(images)
        ],
        options=_embed_options(priority, model),
    )


def _embed_options(priority: Priority, model: str) -> embedding_service_pb2.EmbedOptions:
    return embedding_service_pb2.EmbedOptions(
        vector_type=types_pb2.VECTOR_TYPE_FLOAT32,
        priority=_convert.choice(priority, "priority", _PRIORITIES),
        model=_convert.checked_text(model, "model"),
    )


def embed_result(
    message: embedding_service_pb2.EmbedTextResponse | embedding_service_pb2.EmbedImageResponse,
) -> _types.EmbedResult:
    """Return one embedding per input, None for those that failed."""
    errors = tuple(_convert.item_error(error) for error in message.errors)
    failed = {error.index for error in errors}
    rows = embeddings(message.embeddings)
    truncated: Iterable[int] = ()
    if isinstance(message, embedding_service_pb2.EmbedTextResponse):
        truncated = message.truncated_texts
    return _types.EmbedResult(
        embeddings=tuple(None if index in failed else row for index, row in enumerate(rows)),
        errors=errors,
        model=_convert.model_ref(message.model),
        timing=_convert.timing(message.timing),
        truncated_texts=tuple(truncated),
    )


def only_embedding(result: _types.EmbedResult) -> _types.Embedding:
    """Return the embedding of the one input.

    Raises:
        TihuaError: the input failed.
    """
    for error in result.errors:
        raise error.to_exception()
    (embedding,) = result.embeddings
    assert embedding is not None, "an input that did not fail has an embedding"
    return embedding


def vector_block(embedding: _types.EmbeddingLike, name: str) -> types_pb2.VectorBlock:
    """Return one embedding as float32, little-endian.

    Raises:
        InvalidRequestError: it is empty, not one-dimensional, or has a number that float32 can't
            hold.
    """
    try:
        values = _floats(embedding, name)
    except OverflowError as error:  # an int beyond float64
        raise _beyond_float32(name) from error
    if not values:
        raise _convert.invalid(
            f"{name} is empty; give one number for each of the model's dimensions", name
        )
    if not all(map(math.isfinite, values)):
        raise _beyond_float32(name)
    if sys.byteorder == "big":
        values.byteswap()
    return types_pb2.VectorBlock(
        data=values.tobytes(), dim=len(values), count=1, type=types_pb2.VECTOR_TYPE_FLOAT32
    )


def _beyond_float32(name: str) -> InvalidRequestError:
    return _convert.invalid(
        f"{name} has a number that is NaN, infinite, or beyond 3.4e38, the largest of float32; "
        "scale it, to L2 norm 1 for example",
        name,
    )


def _floats(embedding: _types.EmbeddingLike, name: str) -> "array[float]":
    try:
        view = memoryview(embedding)  # type: ignore[arg-type]  # fails for a list
    except TypeError:
        try:
            return array("f", embedding)  # type: ignore[arg-type]  # a Sequence, or refused below
        except TypeError as error:
            raise _convert.invalid(f"{name} is not a sequence of numbers: {error}", name) from error
    if view.ndim != 1 or view.format not in {"e", "f", "d"}:
        raise _convert.invalid(
            f"{name} has {view.ndim} dimensions and elements of format {view.format!r}; it must "
            "have one dimension and be float16, float32 or float64",
            name,
        )
    return array("f", struct.unpack(f"{len(view)}{view.format}", view.tobytes()))


def embeddings(block: types_pb2.VectorBlock) -> list[_types.Embedding]:
    """Return the rows of a block as float32.

    Raises:
        ServerError: the block's data doesn't have the size that its fields say.
    """
    width = _BYTES_PER_ELEMENT.get(block.type, 0)
    row_bytes = block.dim * width
    if len(block.data) != row_bytes * block.count or (block.count and not row_bytes):
        raise ServerError(
            f"the server sent {len(block.data)} bytes for {block.count} embeddings of "
            f"{block.dim} elements of {width} bytes",
            reason="BAD_VECTOR_BLOCK",
        )
    rows = []
    for start in range(0, len(block.data), max(row_bytes, 1)):
        data = block.data[start : start + row_bytes]
        if block.type == types_pb2.VECTOR_TYPE_FLOAT16:
            row = array("f", struct.unpack(f"<{block.dim}e", data))
        else:
            row = array("f", data)
            if sys.byteorder == "big":
                row.byteswap()
        rows.append(row)
    return rows
