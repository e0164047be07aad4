"""How collections and items are stored in Milvus.

A collection has three columns, `id`, `embedding` and `uri`; metadata is in Milvus' dynamic field,
so that a filter names its keys directly. What Milvus has no place for (above all the model) is JSON
in the collection property `tihua`, which also distinguishes our collections from others'.
Properties survive restarts on Milvus Lite 3.2 and Milvus 2.3 alike; Lite forgets a schema's
description.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from pymilvus import CollectionSchema, DataType, MilvusClient

from tihua_server.collection import CollectionSpec, Index, IndexType
from tihua_server.config import Limits
from tihua_server.item import Item
from tihua_server.search_params import Fields
from tihua_server.types import ModelRef

_LIMITS = Limits()
"""The lengths of the columns `id` and `uri`, in bytes of UTF-8; no option changes these limits."""

EMBEDDING = "embedding"

_ORIGIN = "_origin"
"""`Item.origin`, beside the metadata; absent where it is empty."""

_UPDATE_TIME = "_update_time"
"""`Item.update_time` in microseconds since 1970, beside the metadata; absent if unknown."""

_COLUMNS = frozenset({"id", EMBEDDING, "uri", _ORIGIN, _UPDATE_TIME})
_EPOCH = datetime.fromtimestamp(0, UTC)
_PROPERTY = "tihua"
_RELEASED = "tihua.released"


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded with a collection.

    Attributes:
        spec: what it was created with.
        create_time: in UTC.
        is_released: whether it was released on purpose; kept for Milvus Lite, which forgets at a
            restart what was loaded.
    """

    spec: CollectionSpec
    create_time: datetime
    is_released: bool


def schema(spec: CollectionSpec) -> CollectionSchema:
    """Return the columns of a new collection."""
    columns = MilvusClient.create_schema(enable_dynamic_field=True, description=spec.description)
    columns.add_field("id", DataType.VARCHAR, is_primary=True, max_length=_LIMITS.max_id_bytes)
    columns.add_field(EMBEDDING, DataType.FLOAT_VECTOR, dim=spec.dim)
    columns.add_field("uri", DataType.VARCHAR, max_length=_LIMITS.max_uri_bytes)
    return columns


def properties(spec: CollectionSpec) -> dict[str, str]:
    """Return the properties of a new collection, created now."""
    noted = {
        "model_id": spec.model.id,
        "fingerprint": spec.model.fingerprint,
        "index_type": spec.index.type,
        "index_params": dict(spec.index.params),
        "description": spec.description,
        "create_time": datetime.now(UTC).isoformat(timespec="microseconds"),
    }
    return {_PROPERTY: json.dumps(noted)}


def indexed(description: Mapping[str, Any], index: Index) -> dict[str, str]:
    """Return the properties of one of tihua's collections with its index replaced.

    Args:
        description: of `MilvusClient.describe_collection`.
        index: the new one, with all parameters.
    """
    noted = json.loads(description["properties"][_PROPERTY])
    noted |= {"index_type": index.type, "index_params": dict(index.params)}
    return {_PROPERTY: json.dumps(noted)}


def released(*, is_released: bool) -> dict[str, str]:
    """Return the property that remembers a release."""
    return {_RELEASED: json.dumps(is_released)}


def record(description: Mapping[str, Any]) -> Record | None:
    """Read a collection's properties; None if tihua did not make it.

    Args:
        description: of `MilvusClient.describe_collection`.
    """
    kept = description.get("properties") or {}
    dims = [f["params"]["dim"] for f in description["fields"] if f["name"] == EMBEDDING]
    try:
        noted = json.loads(kept[_PROPERTY])
        spec = CollectionSpec(
            name=description["collection_name"],
            model=ModelRef(noted["model_id"], noted["fingerprint"]),
            dim=int(dims[0]),
            index=Index(IndexType(noted["index_type"]), noted["index_params"]),
            shards=description["num_shards"],
            description=noted["description"],
        )
        create_time = datetime.fromisoformat(noted["create_time"])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return Record(spec, create_time, kept.get(_RELEASED) == json.dumps(True))


def to_row(item: Item) -> dict[str, object]:
    """Return an item, which must have an embedding, as a row for `MilvusClient.upsert`."""
    row = {**item.metadata, "id": item.id, EMBEDDING: item.embedding, "uri": item.uri}
    if item.origin:
        row[_ORIGIN] = item.origin
    if item.update_time is not None:
        row[_UPDATE_TIME] = (item.update_time - _EPOCH) // timedelta(microseconds=1)
    return row


def to_item(row: Mapping[str, Any], fields: Fields) -> Item:
    """Return an item from a row that was read with `output_fields(fields)`."""
    embedding = np.asarray(row[EMBEDDING], dtype=np.float32) if fields.embedding else None
    kept = {key: row[key] for key in row if key not in _COLUMNS} if fields.metadata else {}
    return Item(
        row["id"],
        embedding,
        row["uri"] if fields.uri else "",
        kept,
        row.get(_ORIGIN, "") if fields.origin else "",
        _time(row.get(_UPDATE_TIME)) if fields.update_time else None,
    )


def _time(since_epoch_us: int | None) -> datetime | None:
    return None if since_epoch_us is None else _EPOCH + timedelta(microseconds=since_epoch_us)


def output_fields(fields: Fields) -> list[str]:
    """Return the columns to read; `$meta` stands for all metadata."""
    wanted = {
        "uri": fields.uri,
        "$meta": fields.metadata,
        EMBEDDING: fields.embedding,
        _ORIGIN: fields.origin and not fields.metadata,
        _UPDATE_TIME: fields.update_time and not fields.metadata,
    }
    return ["id", *(name for name, is_wanted in wanted.items() if is_wanted)]
