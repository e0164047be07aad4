"""Choices and bounds in incoming messages → the service's own types.

Pure, like `item_requests` and `search_requests`; malformed input is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from tihua.v1 import (
    collection_service_pb2,
    embedding_service_pb2,
    ingest_service_pb2,
    types_pb2,
)

from tihua_server.batching.lane import Lane
from tihua_server.collection import Index, IndexType, is_collection_name
from tihua_server.errors import InvalidInput
from tihua_server.ingest.draft import WriteMode

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

MAX_SHARDS = 16
"""Most shards of a collection (Milvus, `proxy.maxShardNum`)."""


def dtype_of(
    vector_type: "types_pb2.VectorType.ValueType", field: str = "options.vector_type"
) -> np.dtype[Any]:
    """Return the little-endian dtype of packed embeddings."""
    return one_of(_DTYPES, vector_type, field)


def check_vector_type(vector_type: "types_pb2.VectorType.ValueType") -> None:
    """Refuse `options.vector_type` if this server does not know it."""
    dtype_of(vector_type)


def to_index(message: collection_service_pb2.Index) -> Index:
    """Return an index; its parameters are checked by the store."""
    return Index(one_of(_INDEX_TYPES, message.type, "index.type"), dict(message.params))


def to_lane(priority: "embedding_service_pb2.Priority.ValueType") -> Lane:
    """Return the lane of a call."""
    return one_of(_LANES, priority, "options.priority")


def to_write_mode(mode: "ingest_service_pb2.WriteMode.ValueType") -> WriteMode:
    """Return what to do with an id that is already stored."""
    return one_of(_WRITE_MODES, mode, "start.mode")


def to_shards(request: collection_service_pb2.CreateCollectionRequest) -> int:
    """Return the number of shards, 1 by default."""
    return bounded_int(request, "shards", default=1, maximum=MAX_SHARDS)


def check_collection_name(name: str, field: str) -> None:
    """Refuse what Milvus does not take as the name of a collection or an alias."""
    if not is_collection_name(name):
        raise InvalidInput(
            f"{field} {name[:64]!r} must be 1 to 255 letters, digits and underscores "
            "(a-z, A-Z, 0-9, _), not starting with a digit",
            reason="WRONG_NAME",
            field=field,
        )


def bounded_int(request: Any, name: str, *, default: int, maximum: int) -> int:
    """Return an optional integer, 1 to `maximum`; `default` if it is unset."""
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


def check_batch(inputs: Sequence[object], name: str, maximum: int, field: str = "") -> None:
    """Refuse an empty batch and one of more than `maximum` inputs.

    Args:
        inputs: the batch.
        name: its name in an error.
        maximum: inputs that it may have.
        field: its path in the request; `name` if empty.

    Raises:
        InvalidInput: it is empty, or too large.
    """
    if not 1 <= len(inputs) <= maximum:
        raise InvalidInput(
            f"{name} has {len(inputs)} entries; it must have 1 to {maximum}",
            reason="BATCH_SIZE",
            field=field or name,
            metadata={"entries": len(inputs), "maximum": maximum},
        )


def possible_ids(ids: Iterable[str], max_bytes: int) -> list[str]:
    """Return the ids that an item can have, each once: the store is not asked for others."""
    return [key for key in dict.fromkeys(ids) if len(key.encode()) <= max_bytes]


def one_of(table: Mapping[Any, T], value: int, field: str) -> T:
    """Translate a value of an enum; refuse one that only a newer client knows."""
    if value not in table:
        raise InvalidInput(f"{field} is {value}, which this server does not know", field=field)
    return table[value]
