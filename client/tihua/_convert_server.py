"""Converts the descriptions of a server and its collections to and from messages."""

from collections.abc import Mapping
from datetime import UTC

from tihua import _convert, _server_types
from tihua.v1 import collection_service_pb2, system_service_pb2

HEALTH_SERVICES = (
    "",
    "tihua.v1.CollectionService",
    "tihua.v1.EmbeddingService",
    "tihua.v1.IngestService",
    "tihua.v1.SearchService",
    "tihua.v1.SystemService",
)
"""The services to ask grpc.health.v1 about; "" is the server as a whole."""

_INDEX_TYPES = {
    "AUTOINDEX": collection_service_pb2.INDEX_TYPE_AUTOINDEX,
    "FLAT": collection_service_pb2.INDEX_TYPE_FLAT,
    "HNSW": collection_service_pb2.INDEX_TYPE_HNSW,
    "IVF_FLAT": collection_service_pb2.INDEX_TYPE_IVF_FLAT,
}
_INDEX_NAMES: dict[int, _server_types.IndexName] = {
    collection_service_pb2.INDEX_TYPE_FLAT: "FLAT",
    collection_service_pb2.INDEX_TYPE_HNSW: "HNSW",
    collection_service_pb2.INDEX_TYPE_IVF_FLAT: "IVF_FLAT",
}
_LOAD_STATES: dict[int, _server_types.LoadStateName] = {
    collection_service_pb2.LOAD_STATE_RELEASED: "released",
    collection_service_pb2.LOAD_STATE_LOADING: "loading",
    collection_service_pb2.LOAD_STATE_LOADED: "loaded",
}


def create_collection_request(
    name: str,
    *,
    index: _server_types.IndexName,
    index_params: Mapping[str, int] | None,
    shards: int,
    description: str,
    model: str,
) -> collection_service_pb2.CreateCollectionRequest:
    """Return the request for a new collection."""
    return collection_service_pb2.CreateCollectionRequest(
        name=_convert.checked_text(name, "name"),
        description=_convert.checked_text(description, "description"),
        index=_index(index, index_params),
        shards=_convert.uint32(shards, "shards"),
        model=_convert.checked_text(model, "model"),
    )


def build_index_request(
    name: str, *, index: _server_types.IndexName | None, index_params: Mapping[str, int] | None
) -> collection_service_pb2.BuildIndexRequest:
    """Return the request to build an index; None keeps the collection's type of index."""
    if index is None and index_params:
        raise _convert.invalid(
            f"index_params has {', '.join(index_params)} without an index: say which index they "
            "are of",
            "index_params",
        )
    return collection_service_pb2.BuildIndexRequest(
        name=_convert.checked_text(name, "name"),
        index=None if index is None else _index(index, index_params),
    )


def _index(
    index: _server_types.IndexName, index_params: Mapping[str, int] | None
) -> collection_service_pb2.Index:
    params = {
        _convert.checked_text(key, "index_params"): _convert.uint32(value, key)
        for key, value in (index_params or {}).items()
    }
    return collection_service_pb2.Index(
        type=_convert.choice(index, "index", _INDEX_TYPES), params=params
    )


def collection(message: collection_service_pb2.Collection) -> _server_types.Collection:
    """Return the description of a collection."""
    has_time = message.HasField("create_time")
    return _server_types.Collection(
        name=message.name,
        description=message.description,
        model=_convert.model_ref(message.model),
        dim=message.dim,
        index=_INDEX_NAMES.get(message.index.type, "AUTOINDEX"),
        index_params=dict(message.index.params),
        shards=message.shards,
        item_count=message.item_count,
        load_state=_LOAD_STATES.get(message.load_state, "unknown"),
        create_time=message.create_time.ToDatetime(tzinfo=UTC) if has_time else None,
        aliases=tuple(message.aliases),
    )


def alias_move(message: collection_service_pb2.SetAliasResponse) -> _server_types.AliasMove:
    """Return the result of pointing an alias to a collection."""
    return _server_types.AliasMove(
        previous=message.previous_collection,
        settle_s=message.settle_time.ToTimedelta().total_seconds(),
    )


def server_info(message: system_service_pb2.GetServerInfoResponse) -> _server_types.ServerInfo:
    """Return the description of a server."""
    return _server_types.ServerInfo(
        version=message.version,
        limits=_limits(message.limits),
        models=tuple(
            _server_types.ModelInfo(
                ref=_convert.model_ref(model.ref),
                dim=model.dim,
                image_size_px=model.image_size_px,
                context_length=model.context_length,
                engine=model.engine,
                device=model.device,
                precision=model.precision,
            )
            for model in message.models
        ),
        store=message.store,
        takes_image_paths=message.takes_image_paths,
    )


def _limits(message: system_service_pb2.Limits) -> _server_types.Limits:
    return _server_types.Limits(
        max_message_bytes=message.max_message_bytes,
        max_batch_items=message.max_batch_items,
        max_image_bytes=message.max_image_bytes,
        max_image_pixels=message.max_image_pixels,
        max_text_chars=message.max_text_chars,
        max_queue_size=message.max_queue_size,
        max_page_size=message.max_page_size,
        max_search_window=message.max_search_window,
        max_query_terms=message.max_query_terms,
        max_id_bytes=message.max_id_bytes,
        max_uri_bytes=message.max_uri_bytes,
        max_metadata_bytes=message.max_metadata_bytes,
        max_streams_per_client=message.max_streams_per_client,
        max_calls_per_connection=message.max_calls_per_connection,
        max_header_bytes=message.max_header_bytes,
        min_ping_interval_s=message.min_ping_interval_s,
    )
