"""Converts items, and the calls about them, to and from messages."""

# ruff: noqa: A002 - `filter` is the contract's word

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from google.protobuf.field_mask_pb2 import FieldMask

from tihua import _convert, _types
from tihua._convert_embedding import embeddings, vector_block
from tihua._convert_metadata import metadata_dict, metadata_struct
from tihua.v1 import collection_service_pb2, types_pb2

_FIELDS = frozenset({"id", "uri", "metadata", "embedding", "update_time"})


def item_message(
    item: _types.Item, name: str = "item", *, max_image_bytes: int | None = None
) -> types_pb2.Item:
    """Return the message of an item to be written.

    Args:
        item: the item.
        name: the caller's name for it, for messages.
        max_image_bytes: a larger picture file is refused, and not read; None means that there is
            no limit.

    Raises:
        InvalidRequestError: it does not have exactly one of text, image and embedding, or has a
            value that can't be sent.
    """
    given = [kind for kind in ("text", "image", "embedding") if getattr(item, kind) is not None]
    if len(given) != 1:
        raise _convert.invalid(
            f"{name} {item.id!r} has {' and '.join(given) or 'no content'}; it must have exactly "
            "one of text, image and embedding",
            name,
        )
    written = types_pb2.Item(
        id=_convert.checked_text(item.id, f"{name}.id"),
        uri=_convert.checked_text(item.uri, f"{name}.uri"),
    )
    if item.text is not None:
        written.text = _convert.checked_text(item.text, f"{name}.text")
    elif item.image is not None:
        source = _convert.image_source(item.image, f"{name}.image", max_bytes=max_image_bytes)
        written.image.CopyFrom(source)
    elif item.embedding is not None:
        written.embedding.CopyFrom(vector_block(item.embedding, f"{name}.embedding"))
    if item.metadata:
        written.metadata.CopyFrom(metadata_struct(item.metadata, f"{name}.metadata"))
    if item.update_time is not None:
        if item.update_time.tzinfo is None:
            raise _convert.invalid(
                f"{name}.update_time is {item.update_time} without a time zone; give it one, UTC "
                "for example",
                f"{name}.update_time",
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
    """Return when an item that was read was written; None if the message does not say."""
    has_time = message.HasField("update_time")
    return message.update_time.ToDatetime(tzinfo=UTC) if has_time else None


def item_embedding(message: types_pb2.Item) -> _types.Embedding | None:
    """Return the embedding of an item that was read; None if it was not asked for."""
    return embeddings(message.embedding)[0] if message.HasField("embedding") else None


def read_mask(fields: Iterable[_types.Field] | None) -> FieldMask | None:
    """Return the mask of the fields besides the id; None means the server's default.

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
            raise _convert.invalid(
                f"fields has {path!r}; it may have uri, metadata, embedding and update_time",
                "fields",
            )
    return FieldMask(paths=paths)


def upsert_request(
    items: Iterable[_types.Item], collection: str
) -> collection_service_pb2.UpsertItemsRequest:
    """Return the request to write items."""
    messages = [item_message(item, f"items[{index}]") for index, item in enumerate(items)]
    return collection_service_pb2.UpsertItemsRequest(collection=collection, items=messages)


def upsert_result(message: collection_service_pb2.UpsertItemsResponse) -> _types.UpsertResult:
    """Return the result of writing items."""
    return _types.UpsertResult(
        written=message.items_written,
        errors=tuple(_convert.item_error(error) for error in message.errors),
        model=_convert.model_ref(message.model),
        timing=_convert.timing(message.timing),
    )


def get_items_request(
    ids: Iterable[str], collection: str, fields: Iterable[_types.Field] | None
) -> collection_service_pb2.GetItemsRequest:
    """Return the request for items by id."""
    return collection_service_pb2.GetItemsRequest(
        collection=collection,
        ids=_convert.checked_texts(ids, "ids"),
        read_mask=read_mask(fields),
    )


def list_items_request(
    collection: str,
    *,
    filter: str,
    params: Mapping[str, object] | None,
    fields: Iterable[_types.Field] | None,
    page_size: int,
) -> collection_service_pb2.ListItemsRequest:
    """Return the request for the first page of the matching items."""
    return collection_service_pb2.ListItemsRequest(
        collection=collection,
        filter=_convert.checked_text(filter, "filter"),
        filter_params=metadata_struct(params, "params") if params else None,
        limit=_convert.uint32(page_size, "page_size"),
        read_mask=read_mask(fields),
    )


def count_items_request(
    collection: str, *, filter: str, params: Mapping[str, object] | None
) -> collection_service_pb2.CountItemsRequest:
    """Return the request for the number of matching items."""
    return collection_service_pb2.CountItemsRequest(
        collection=collection,
        filter=_convert.checked_text(filter, "filter"),
        filter_params=metadata_struct(params, "params") if params else None,
    )


def delete_items_request(
    ids: Iterable[str] | None,
    collection: str,
    *,
    filter: str,
    params: Mapping[str, object] | None,
) -> collection_service_pb2.DeleteItemsRequest:
    """Return the request to remove items.

    Raises:
        InvalidRequestError: not exactly one of ids and filter is given.
    """
    if (ids is None) == (not filter):
        given = "neither ids nor filter" if ids is None else "both ids and filter"
        raise _convert.invalid(
            f"{given} given; give one of them, so that nothing is removed by accident", "ids"
        )
    return collection_service_pb2.DeleteItemsRequest(
        collection=collection,
        ids=None if ids is None else _convert.checked_texts(ids, "ids"),
        filter=_convert.checked_text(filter, "filter"),
        filter_params=metadata_struct(params, "params") if params else None,
    )
