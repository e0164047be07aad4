"""Incoming items, filters and field masks → the service's own types."""

import math
from datetime import UTC, datetime

import numpy as np
from google.protobuf import field_mask_pb2, struct_pb2
from tihua._convert_metadata import MAX_DEPTH
from tihua.v1 import collection_service_pb2, types_pb2

from tihua_server.errors import InvalidInput, ServiceError
from tihua_server.ingest.draft import Draft
from tihua_server.item import Metadata
from tihua_server.rpc.requests import dtype_of
from tihua_server.search_params import Fields, Filter
from tihua_server.types import (
    Content,
    EncodedImage,
    FloatArray,
    ImagePath,
    Picture,
    RgbImage,
    Text,
    Vector,
)
from tihua_server.unit_vector import normalized

_LAST_S = 253_402_300_799
"""The last second of the year 9999, after 1970 (google.protobuf.Timestamp)."""


def to_image(message: types_pb2.ImageSource, field: str) -> Picture:
    """Return a picture, not decoded yet."""
    match message.WhichOneof("source"):
        case "content":
            return EncodedImage(message.content)
        case "rgb":
            rgb = message.rgb
            return RgbImage(rgb.data, rgb.width_px, rgb.height_px)
        case "path":
            return ImagePath(message.path)
        case _:
            raise InvalidInput(
                "picture has no content, rgb or path; set one", reason="EMPTY_IMAGE", field=field
            )


def to_image_or_error(message: types_pb2.ImageSource) -> Content | ServiceError:
    """Return a picture, or its error: one of many must not fail the others."""
    try:
        return to_image(message, "images")
    except ServiceError as error:
        return error


def to_vector(message: types_pb2.VectorBlock, field: str) -> Vector:
    """Return one embedding, scaled to L2 norm 1."""
    dtype = dtype_of(message.type, f"{field}.type")
    expected = message.dim * dtype.itemsize
    if message.count != 1 or message.dim == 0 or len(message.data) != expected:
        raise InvalidInput(
            f"embedding says count {message.count}, dim {message.dim} and has "
            f"{len(message.data)} bytes; it must have count 1 and dim * {dtype.itemsize} bytes",
            reason="WRONG_VECTOR",
            field=field,
        )
    embedding: FloatArray = np.frombuffer(message.data, dtype).astype(np.float32)
    return Vector(normalized(embedding, field))


def to_draft(message: types_pb2.Item) -> Draft:
    """Return an item to write; a malformed one carries its error as its content."""
    metadata: Metadata = {}
    try:
        metadata = to_metadata(message.metadata)
        content = _to_content(message)
        update_time = _to_update_time(message)
    except ServiceError as error:
        return Draft(message.id, error, message.uri, metadata)
    return Draft(message.id, content, message.uri, metadata, update_time=update_time)


def _to_update_time(message: types_pb2.Item) -> datetime | None:
    if not message.HasField("update_time"):
        return None
    given = message.update_time
    if given.seconds < 0 or not 0 <= given.nanos < 10**9 or given.seconds > _LAST_S:
        raise InvalidInput(
            f"update_time is {given.seconds} s and {given.nanos} ns after 1970; it must be in the "
            "years 1970 to 9999",
            reason="OUT_OF_BOUNDS",
            field="update_time",
        )
    return given.ToDatetime(tzinfo=UTC)


def _to_content(message: types_pb2.Item) -> Content:
    match message.WhichOneof("content"):
        case "text":
            return Text(message.text)
        case "image":
            return to_image(message.image, "image")
        case "embedding":
            return to_vector(message.embedding, "embedding")
        case _:
            raise InvalidInput(
                "item has no text, image or embedding; set one",
                reason="EMPTY_ITEM",
                field="content",
            )


def to_filter(expression: str, params: struct_pb2.Struct) -> Filter:
    """Return a filter; the store parses it."""
    return Filter(expression, to_metadata(params, "filter_params"))


def check_ids_or_filter(request: collection_service_pb2.DeleteItemsRequest) -> None:
    """Refuse a deletion unless it names its items either by ids or by a filter."""
    if bool(request.ids) == bool(request.filter.strip()):
        raise InvalidInput(
            "give either ids or a filter: exactly one of them says what to remove",
            reason="IDS_OR_FILTER",
            field="ids",
        )
    if request.ids and request.filter_params.fields:
        raise InvalidInput(
            "filter_params belong to a filter: leave them out when you give ids",
            reason="INVALID_FILTER",
            field="filter_params",
        )


def to_fields(mask: field_mask_pb2.FieldMask) -> Fields:
    """Return the requested parts of an item: uri and metadata if the mask is empty."""
    paths = set(mask.paths)
    if unknown := paths - {"id", "uri", "metadata", "embedding", "update_time"}:
        raise InvalidInput(
            f"read_mask has {sorted(unknown)}; it may have id, uri, metadata, embedding and "
            "update_time",
            reason="WRONG_READ_MASK",
            field="read_mask",
        )
    if not paths:
        return Fields()
    return Fields(
        uri="uri" in paths,
        metadata="metadata" in paths,
        embedding="embedding" in paths,
        update_time="update_time" in paths,
    )


def to_metadata(
    struct: struct_pb2.Struct, field: str = "metadata", *, depth: int = 1
) -> dict[str, object]:
    """Return a Struct as JSON values; numbers without a fraction as int.

    Args:
        struct: the message.
        field: its name, for messages.
        depth: its level of nesting in structs and lists; 1 is the outermost.

    Raises:
        InvalidInput: a number is NaN or infinite, or the nesting is deeper than `MAX_DEPTH`, which
            a client could not read back.
    """
    if depth > MAX_DEPTH:
        raise _too_deep(field)
    return {key: _to_json(value, f"{field}.{key}", depth) for key, value in struct.fields.items()}


def _to_json(value: struct_pb2.Value, field: str, depth: int) -> object:
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            if not math.isfinite(number):
                raise InvalidInput(f"{field} is {number}; JSON has no such number", field=field)
            return int(number) if number.is_integer() and abs(number) <= 2**53 else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return to_metadata(value.struct_value, field, depth=depth + 1)
        case "list_value":
            if depth == MAX_DEPTH:
                raise _too_deep(field)
            return [_to_json(entry, field, depth + 1) for entry in value.list_value.values]
        case _:
            return None


def _too_deep(field: str) -> InvalidInput:
    return InvalidInput(
        f"{field} is nested {MAX_DEPTH + 1} deep; the limit is {MAX_DEPTH}: flatten it, or give"
        " the inner part as text",
        field=field,
    )
