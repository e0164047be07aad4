"""Words that all messages share, to and from Python: texts, numbers, pictures, embeddings, items.

Pure functions, used by both clients. What cannot travel is an InvalidRequestError that names the
argument; what the contract forbids and only the server can judge is left to the server.
"""

import os
import struct
import sys
from array import array
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from google.protobuf.field_mask_pb2 import FieldMask

from tihua import _types
from tihua._convert_metadata import metadata_dict, metadata_struct
from tihua.errors import STATUS_ERRORS, InvalidRequestError, ServerError
from tihua.v1 import types_pb2

_STATUS_NAMES = ("OK", *STATUS_ERRORS)
_MAX_UINT32 = 2**32 - 1
_FIELDS = frozenset({"id", "uri", "metadata", "embedding", "update_time"})
_BYTES_PER_ELEMENT = {
    types_pb2.VECTOR_TYPE_UNSPECIFIED: 4,
    types_pb2.VECTOR_TYPE_FLOAT32: 4,
    types_pb2.VECTOR_TYPE_FLOAT16: 2,
}

_Choice = TypeVar("_Choice")


def checked_text(text: str, name: str) -> str:
    """Return a text that can travel as UTF-8.

    Raises:
        InvalidRequestError: it has a lone surrogate, as file names that are no UTF-8 do
            (`os.fsdecode`).
        TypeError: it is no text.
    """
    if not isinstance(text, str):
        raise TypeError(f"{name} is {type(text).__name__}; it must be str")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequestError(
            f"{name} has a lone surrogate (U+{ord(text[error.start]):04X}) at character "
            f"{error.start}, which is no text; replace or remove it",
            reason="INVALID_INPUT",
            field=name,
        ) from error
    return text


def checked_texts(texts: Iterable[str], name: str) -> list[str]:
    """Return several texts; one text where several are due is refused, not spelled out."""
    if isinstance(texts, str):
        raise TypeError(f"{name} is one str; give a list of them")
    return [checked_text(text, f"{name}[{index}]") for index, text in enumerate(texts)]


def uint32(value: int, name: str) -> int:
    """Return a number that fits into the field; whether it makes sense there is the server's."""
    if not 0 <= value <= _MAX_UINT32:
        raise InvalidRequestError(
            f"{name} is {value}; it must be from 0 to {_MAX_UINT32}",
            reason="INVALID_INPUT",
            field=name,
        )
    return value


def choice(value: str, name: str, choices: dict[str, _Choice]) -> _Choice:
    """Return what a word stands for."""
    if value not in choices:
        raise InvalidRequestError(
            f"{name} is {value!r}; it must be one of {', '.join(sorted(choices))}",
            reason="INVALID_INPUT",
            field=name,
        )
    return choices[value]


def image_source(image: _types.ImageLike, name: str) -> types_pb2.ImageSource:
    """Return a picture, read from its file where a path is given.

    Raises:
        InvalidRequestError: the file cannot be read, or a side has more pixels than the field.
        TypeError: it is neither bytes nor a path nor pixels.
    """
    if isinstance(image, _types.RgbImage):
        rgb = types_pb2.RgbImage(
            data=image.data,
            width_px=uint32(image.width_px, f"{name}.width_px"),
            height_px=uint32(image.height_px, f"{name}.height_px"),
        )
        return types_pb2.ImageSource(rgb=rgb)
    if isinstance(image, _types.ServerPath):
        return types_pb2.ImageSource(path=checked_text(image.path, f"{name}.path"))
    return types_pb2.ImageSource(content=image_bytes(image, name))


def image_bytes(image: bytes | os.PathLike[str], name: str) -> bytes:
    """Return the bytes of a picture file, read from it where a path is given.

    Raises:
        InvalidRequestError: the file cannot be read.
        TypeError: it is neither bytes nor a path.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if not isinstance(image, os.PathLike):
        raise TypeError(
            f"{name} is {type(image).__name__}; it must be the bytes of a picture file, or a "
            "pathlib.Path to one"
        )
    try:
        return Path(image).read_bytes()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else None
        raise InvalidRequestError(
            f"cannot read the picture {os.fspath(image)!r}: {cause or error}",
            reason="UNREADABLE_FILE",
            field=name,
        ) from error


def vector_block(embedding: _types.EmbeddingLike, name: str) -> types_pb2.VectorBlock:
    """Return one embedding as float32, little-endian.

    Raises:
        InvalidRequestError: it is empty, not one-dimensional or not of numbers.
    """
    values = _floats(embedding, name)
    if not values:
        raise InvalidRequestError(
            f"{name} is empty; give one number for each of the model's dimensions",
            reason="INVALID_INPUT",
            field=name,
        )
    if sys.byteorder == "big":
        values.byteswap()
    return types_pb2.VectorBlock(
        data=values.tobytes(), dim=len(values), count=1, type=types_pb2.VECTOR_TYPE_FLOAT32
    )


def _floats(embedding: _types.EmbeddingLike, name: str) -> "array[float]":
    try:
        view = memoryview(embedding)  # type: ignore[arg-type]  # tried, because it may be a list
    except TypeError:
        try:
            return array("f", embedding)  # type: ignore[arg-type]  # a Sequence, or refused below
        except TypeError as error:
            raise InvalidRequestError(
                f"{name} is no sequence of numbers: {error}", reason="INVALID_INPUT", field=name
            ) from error
    if view.ndim != 1 or view.format not in {"e", "f", "d"}:
        raise InvalidRequestError(
            f"{name} has {view.ndim} dimensions and elements of format {view.format!r}; it must "
            "have one dimension and be float16, float32 or float64",
            reason="INVALID_INPUT",
            field=name,
        )
    return array("f", struct.unpack(f"{len(view)}{view.format}", view.tobytes()))


def embeddings(block: types_pb2.VectorBlock) -> list[_types.Embedding]:
    """Return the rows of a block as float32.

    Raises:
        ServerError: the block's size is not what it says.
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


def read_mask(fields: Iterable[_types.Field] | None) -> FieldMask | None:
    """Return the mask of the fields beside the id; None, the server's default, for None.

    Raises:
        InvalidRequestError: there is no such field.
    """
    if fields is None:
        return None
    if isinstance(fields, str):
        raise TypeError(f"fields is one str, {fields!r}; give a list of them")
    paths: list[str] = [*fields] or ["id"]
    for path in paths:
        if path not in _FIELDS:
            raise InvalidRequestError(
                f"fields has {path!r}; it may have uri, metadata, embedding and update_time",
                reason="INVALID_INPUT",
                field="fields",
            )
    return FieldMask(paths=paths)


def item_message(item: _types.Item, name: str = "item") -> types_pb2.Item:
    """Return an item to be written.

    Raises:
        InvalidRequestError: it has not exactly one of text, image and embedding, or something of
            it cannot travel.
    """
    given = [kind for kind in ("text", "image", "embedding") if getattr(item, kind) is not None]
    if len(given) != 1:
        raise InvalidRequestError(
            f"{name} {item.id!r} has {' and '.join(given) or 'no content'}; it must have exactly "
            "one of text, image and embedding",
            reason="INVALID_INPUT",
            field=name,
        )
    written = types_pb2.Item(
        id=checked_text(item.id, f"{name}.id"), uri=checked_text(item.uri, f"{name}.uri")
    )
    if item.text is not None:
        written.text = checked_text(item.text, f"{name}.text")
    elif item.image is not None:
        written.image.CopyFrom(image_source(item.image, f"{name}.image"))
    elif item.embedding is not None:
        written.embedding.CopyFrom(vector_block(item.embedding, f"{name}.embedding"))
    if item.metadata:
        written.metadata.CopyFrom(metadata_struct(item.metadata, f"{name}.metadata"))
    if item.update_time is not None:
        if item.update_time.tzinfo is None:
            raise InvalidRequestError(
                f"{name}.update_time is {item.update_time} without a time zone; give it one, UTC "
                "for example",
                reason="INVALID_INPUT",
                field=f"{name}.update_time",
            )
        written.update_time.FromDatetime(item.update_time)
    return written


def item(message: types_pb2.Item) -> _types.Item:
    """Return an item that was read."""
    return _types.Item(
        message.id,
        embedding=item_embedding(message),
        uri=message.uri,
        metadata=metadata_dict(message.metadata),
        update_time=item_update_time(message),
    )


def item_update_time(message: types_pb2.Item) -> datetime | None:
    """Return when an item that was read was written, None if it is not told."""
    has_time = message.HasField("update_time")
    return message.update_time.ToDatetime(tzinfo=UTC) if has_time else None


def item_embedding(message: types_pb2.Item) -> _types.Embedding | None:
    """Return the embedding that an item was read with, None if it was not asked for."""
    return embeddings(message.embedding)[0] if message.HasField("embedding") else None


def item_error(message: types_pb2.ItemError) -> _types.ItemError:
    """Return why one input failed."""
    known = 0 <= message.code < len(_STATUS_NAMES)
    return _types.ItemError(
        index=message.index,
        id=message.id,
        code=_STATUS_NAMES[message.code] if known else "UNKNOWN",
        reason=message.reason,
        message=message.message,
        metadata=dict(message.metadata),
        retryable=message.retryable,
    )


def model_ref(message: types_pb2.ModelRef) -> _types.ModelRef:
    """Return which model it was."""
    return _types.ModelRef(message.id, message.fingerprint)


def timing(message: types_pb2.Timing) -> _types.Timing:
    """Return where the time went."""
    return _types.Timing(
        queue_us=message.queue_us,
        preprocess_us=message.preprocess_us,
        inference_us=message.inference_us,
        store_us=message.store_us,
        total_us=message.total_us,
        batch_size=message.batch_size,
    )
