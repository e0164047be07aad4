"""The service's own types → outgoing messages. Pure."""

from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np
from google.protobuf import struct_pb2
from tihua.v1 import collection_service_pb2, search_service_pb2, system_service_pb2, types_pb2

from tihua_server.collection import Collection, IndexType, LoadState
from tihua_server.embedded import Embedded
from tihua_server.errors import ServiceError
from tihua_server.item import Hit, Item
from tihua_server.rpc.requests import dtype_of
from tihua_server.rpc.status import item_error
from tihua_server.stages import Stages
from tihua_server.types import FloatArray, ModelInfo, ModelRef

_INDEX_TYPES = {
    IndexType.FLAT: collection_service_pb2.INDEX_TYPE_FLAT,
    IndexType.IVF_FLAT: collection_service_pb2.INDEX_TYPE_IVF_FLAT,
    IndexType.HNSW: collection_service_pb2.INDEX_TYPE_HNSW,
    IndexType.AUTOINDEX: collection_service_pb2.INDEX_TYPE_AUTOINDEX,
}

_LOAD_STATES = {
    LoadState.RELEASED: collection_service_pb2.LOAD_STATE_RELEASED,
    LoadState.LOADING: collection_service_pb2.LOAD_STATE_LOADING,
    LoadState.LOADED: collection_service_pb2.LOAD_STATE_LOADED,
}


def from_ref(ref: ModelRef) -> types_pb2.ModelRef:
    """Return the reference to a model."""
    return types_pb2.ModelRef(id=ref.id, fingerprint=ref.fingerprint)


def from_model(model: ModelInfo) -> system_service_pb2.ModelInfo:
    """Return the description of a model."""
    return system_service_pb2.ModelInfo(
        ref=from_ref(model.ref),
        dim=model.dim,
        image_size_px=model.image_size,
        context_length=model.context_length,
        engine=model.engine,
        device=model.device,
        precision=model.precision,
    )


def from_stages(stages: Stages, start_s: float) -> types_pb2.Timing:
    """Return the time of each stage; `start_s` is when the call arrived, by `perf_counter`."""
    return types_pb2.Timing(
        queue_us=_us(stages.queue_s),
        preprocess_us=_us(stages.preprocess_s),
        inference_us=_us(stages.inference_s),
        store_us=_us(stages.store_s),
        total_us=_us(perf_counter() - start_s),
        batch_size=stages.batch_size,
    )


def from_embedded(
    embedded: Embedded, dim: int, vector_type: "types_pb2.VectorType.ValueType"
) -> tuple[types_pb2.VectorBlock, list[types_pb2.ItemError]]:
    """Return one row per input, zeros for one that failed, and the failures."""
    rows: list[FloatArray] = []
    failures = []
    for index, row in enumerate(embedded.rows):
        if isinstance(row, ServiceError):
            failures.append(item_error(index, "", row))
            rows.append(np.zeros(dim, np.float32))
        else:
            rows.append(row)
    return from_embeddings(rows, vector_type), failures


def from_embeddings(
    rows: Sequence[FloatArray],
    vector_type: "types_pb2.VectorType.ValueType" = types_pb2.VECTOR_TYPE_FLOAT32,
) -> types_pb2.VectorBlock:
    """Return one or more embeddings, each (dim,), packed."""
    packed = rows[0] if len(rows) == 1 else np.concatenate(rows)
    return types_pb2.VectorBlock(
        data=packed.astype(dtype_of(vector_type), copy=False).tobytes(),
        dim=len(rows[0]),
        count=len(rows),
        type=vector_type or types_pb2.VECTOR_TYPE_FLOAT32,
    )


def fill_item(message: types_pb2.Item, item: Item) -> None:
    """Fill a message with the parts of a stored item that were read."""
    message.id = item.id
    message.uri = item.uri
    if item.metadata:
        _fill_struct(message.metadata, item.metadata)
    if item.embedding is not None:
        message.embedding.CopyFrom(from_embeddings([item.embedding]))
    if item.update_time is not None:
        message.update_time.FromDatetime(item.update_time)


def fill_hit(message: search_service_pb2.Hit, hit: Hit) -> None:
    """Fill a message with a hit."""
    fill_item(message.item, hit.item)
    message.score = hit.score
    if hit.group is not None:
        _fill_value(message.group_value, hit.group)


def from_collection(collection: Collection) -> collection_service_pb2.Collection:
    """Return a collection as it stands in the store."""
    spec = collection.spec
    message = collection_service_pb2.Collection(
        name=spec.name,
        description=spec.description,
        model=from_ref(spec.model),
        dim=spec.dim,
        index=collection_service_pb2.Index(
            type=_INDEX_TYPES[spec.index.type], params=spec.index.params
        ),
        shards=spec.shards,
        item_count=collection.item_count,
        load_state=_LOAD_STATES[collection.load_state],
        aliases=collection.aliases,
    )
    message.create_time.FromDatetime(collection.create_time)
    return message


def _fill_struct(struct: struct_pb2.Struct, values: Mapping[str, object]) -> None:
    for key, value in values.items():
        _fill_value(struct.fields[key], value)


def _fill_value(message: struct_pb2.Value, value: object) -> None:
    match value:
        case bool():
            message.bool_value = value
        case int() | float():
            message.number_value = value
        case str():
            message.string_value = value
        case Mapping():
            message.struct_value.SetInParent()  # sets an empty one too
            _fill_struct(message.struct_value, value)
        case Sequence():
            message.list_value.SetInParent()
            for entry in value:
                _fill_value(message.list_value.values.add(), entry)
        case _:
            message.null_value = struct_pb2.NULL_VALUE


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
