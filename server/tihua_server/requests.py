"""Messages that come in → the service's own words. Pure; refuses what is malformed."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
from google.protobuf import field_mask_pb2, struct_pb2
from tihua.v1 import (
    collection_service_pb2,
    embedding_service_pb2,
    ingest_service_pb2,
    search_service_pb2,
    types_pb2,
)

from tihua_server.config import Limits
from tihua_server.errors import InvalidInput, ServiceError
from tihua_server.grouping import GroupBy
from tihua_server.lane import Lane
from tihua_server.searcher import StoredItem, Term
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
from tihua_server.vector_store import Consistency, Fields, Filter, Index, IndexType, Metadata
from tihua_server.writer import Draft, WriteMode, is_reserved

T = TypeVar("T")

_DTYPES: dict[types_pb2.VectorType.ValueType, np.dtype[Any]] = {
    types_pb2.VECTOR_TYPE_UNSPECIFIED: np.dtype("<f4"),
    types_pb2.VECTOR_TYPE_FLOAT32: np.dtype("<f4"),
    types_pb2.VECTOR_TYPE_FLOAT16: np.dtype("<f2"),
}

_INDEX_TYPES = {
    collection_service_pb2.INDEX_TYPE_UNSPECIFIED: IndexType.AUTOINDEX,
    collection_service_pb2.INDEX_TYPE_FLAT: IndexType.FLAT,
    collection_service_pb2.INDEX_TYPE_IVF_FLAT: IndexType.IVF_FLAT,
    collection_service_pb2.INDEX_TYPE_HNSW: IndexType.HNSW,
    collection_service_pb2.INDEX_TYPE_AUTOINDEX: IndexType.AUTOINDEX,
}

_CONSISTENCIES = {
    search_service_pb2.CONSISTENCY_UNSPECIFIED: Consistency.BOUNDED,
    search_service_pb2.CONSISTENCY_BOUNDED: Consistency.BOUNDED,
    search_service_pb2.CONSISTENCY_STRONG: Consistency.STRONG,
}

_LANES = {
    embedding_service_pb2.PRIORITY_UNSPECIFIED: Lane.INTERACTIVE,
    embedding_service_pb2.PRIORITY_INTERACTIVE: Lane.INTERACTIVE,
    embedding_service_pb2.PRIORITY_BULK: Lane.BULK,
}

_WRITE_MODES = {
    ingest_service_pb2.WRITE_MODE_UNSPECIFIED: WriteMode.UPSERT,
    ingest_service_pb2.WRITE_MODE_UPSERT: WriteMode.UPSERT,
    ingest_service_pb2.WRITE_MODE_INSERT_ONLY: WriteMode.INSERT_ONLY,
    ingest_service_pb2.WRITE_MODE_SKIP_EXISTING: WriteMode.SKIP_EXISTING,
}

_LAST_S = 253_402_300_799
"""The last second of the year 9999, after 1970 (google.protobuf.Timestamp)."""

MAX_SHARDS = 16
"""Most shards of a collection (Milvus, `proxy.maxShardNum`)."""


def dtype_of(vector_type: "types_pb2.VectorType.ValueType") -> np.dtype[Any]:
    """Return the little-endian dtype of packed embeddings."""
    return _one_of(_DTYPES, vector_type, "vector_type")


def to_index(message: collection_service_pb2.Index) -> Index:
    """Return an index; its parameters are checked by the store."""
    return Index(_one_of(_INDEX_TYPES, message.type, "index.type"), dict(message.params))


def to_consistency(value: "search_service_pb2.Consistency.ValueType") -> Consistency:
    """Return how fresh a read must be."""
    return _one_of(_CONSISTENCIES, value, "consistency")


def to_lane(priority: "embedding_service_pb2.Priority.ValueType") -> Lane:
    """Return the lane of a call."""
    return _one_of(_LANES, priority, "options.priority")


def to_write_mode(mode: "ingest_service_pb2.WriteMode.ValueType") -> WriteMode:
    """Return what to do with an id that is already stored."""
    return _one_of(_WRITE_MODES, mode, "start.mode")


def to_shards(request: collection_service_pb2.CreateCollectionRequest) -> int:
    """Return the number of shards, 1 if nothing is said."""
    return to_count(request, "shards", default=1, maximum=MAX_SHARDS)


def to_min_score(request: search_service_pb2.SearchRequest) -> float | None:
    """Return the lowest score that is wanted, None for all."""
    if not request.HasField("min_score"):
        return None
    if not -1 <= request.min_score <= 1:
        raise InvalidInput(
            f"min_score is {request.min_score:g}; a cosine similarity is in [-1, 1]",
            reason="OUT_OF_BOUNDS",
            field="min_score",
        )
    return request.min_score


def to_group_by(request: search_service_pb2.SearchRequest, limits: Limits) -> GroupBy | None:
    """Return what hits are grouped by, None if they are not."""
    size = to_count(request, "group_size", default=1, maximum=limits.max_page_size)
    if not request.group_by:
        if request.HasField("group_size"):
            raise InvalidInput(
                "group_size says how large a group may be, and nothing is grouped: give group_by",
                reason="GROUP_BY",
                field="group_size",
            )
        return None
    if request.group_by != "uri" and is_reserved(request.group_by):
        raise InvalidInput(
            f"group_by is {request.group_by!r}; it must be a metadata key, or uri",
            reason="GROUP_BY",
            field="group_by",
        )
    return GroupBy(request.group_by, size, limits.max_search_window)


def check_collection_name(name: str, field: str) -> None:
    """Refuse what Milvus does not take as the name of a collection or an alias."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,254}", name):
        raise InvalidInput(
            f"{field} {name[:64]!r} must be 1 to 255 letters, digits and underscores "
            "(a-z, A-Z, 0-9, _), not starting with a digit",
            reason="WRONG_NAME",
            field=field,
        )


def to_count(request: Any, name: str, *, default: int, maximum: int) -> int:
    """Return an optional number of hits or items, 1 to `maximum`."""
    if not request.HasField(name):
        return min(default, maximum)
    value: int = getattr(request, name)
    if not 1 <= value <= maximum:
        raise InvalidInput(
            f"{name} is {value}; it must be 1 to {maximum}",
            reason="OUT_OF_BOUNDS",
            field=name,
            metadata={name: value, "maximum": maximum},
        )
    return value


def check_batch(inputs: Sequence[object], name: str, maximum: int) -> None:
    """Refuse an empty batch and one of more than `maximum` inputs."""
    if not 1 <= len(inputs) <= maximum:
        raise InvalidInput(
            f"{name} has {len(inputs)} entries; it must have 1 to {maximum}",
            reason="BATCH_SIZE",
            field=name,
            metadata={"entries": len(inputs), "maximum": maximum},
        )


def to_image(message: types_pb2.ImageSource, field: str) -> Picture:
    """Return a picture, not looked into yet."""
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
    """Return a picture, or why there is none: one of many must not fail the others."""
    try:
        return to_image(message, "images")
    except ServiceError as error:
        return error


def to_vector(message: types_pb2.VectorBlock, field: str) -> Vector:
    """Return one embedding, scaled to L2 norm 1."""
    dtype = dtype_of(message.type)
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
    """Return an item to write; what is malformed in it is its own failure."""
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
            f"update_time is {given.seconds} s and {given.nanos} ns after 1970; it must be of the "
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


def to_terms(messages: Sequence[search_service_pb2.QueryTerm], limits: Limits) -> list[Term]:
    """Return the terms of a query."""
    check_batch(messages, "terms", limits.max_query_terms)
    terms = []
    for position, message in enumerate(messages):
        field = f"terms[{position}]"
        value: Content | StoredItem
        match message.WhichOneof("value"):
            case "text":
                value = Text(message.text)
            case "image":
                value = to_image(message.image, field)
            case "embedding":
                value = to_vector(message.embedding, field)
            case "item_id":
                value = StoredItem(message.item_id)
            case _:
                raise InvalidInput(
                    "term has no text, image, embedding or item_id; set one",
                    reason="EMPTY_TERM",
                    field=field,
                )
        terms.append(Term(value, message.weight if message.HasField("weight") else 1.0))
    return terms


def to_filter(expression: str, params: struct_pb2.Struct) -> Filter:
    """Return a filter; the store parses it."""
    return Filter(expression, to_metadata(params, "filter_params"))


def to_fields(mask: field_mask_pb2.FieldMask) -> Fields:
    """Return which parts of an item are asked for: uri and metadata if nothing is said."""
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


def to_metadata(struct: struct_pb2.Struct, field: str = "metadata") -> dict[str, object]:
    """Return a Struct as JSON values; numbers without a fraction as int.

    Raises:
        InvalidInput: a number is NaN or infinite.
    """
    return {key: _to_json(value, f"{field}.{key}") for key, value in struct.fields.items()}


def _to_json(value: struct_pb2.Value, field: str) -> object:
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
            return to_metadata(value.struct_value, field)
        case "list_value":
            return [_to_json(entry, field) for entry in value.list_value.values]
        case _:
            return None


def _one_of(table: Mapping[Any, T], value: int, field: str) -> T:
    if value not in table:
        raise InvalidInput(f"{field} is {value}, which this server does not know", field=field)
    return table[value]
