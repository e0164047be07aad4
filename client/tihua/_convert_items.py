"""Calls about the items of a collection, to and from messages."""

# ruff: noqa: A002 - `filter` is the contract's word

from collections.abc import Iterable, Mapping

from tihua import _convert, _types
from tihua._convert_metadata import metadata_struct
from tihua.errors import InvalidRequestError
from tihua.v1 import collection_service_pb2


def upsert_request(
    items: Iterable[_types.Item], collection: str
) -> collection_service_pb2.UpsertItemsRequest:
    """Return the request to write items."""
    messages = [_convert.item_message(item, f"items[{index}]") for index, item in enumerate(items)]
    return collection_service_pb2.UpsertItemsRequest(collection=collection, items=messages)


def upsert_result(message: collection_service_pb2.UpsertItemsResponse) -> _types.UpsertResult:
    """Return what became of the items."""
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
        read_mask=_convert.read_mask(fields),
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
        read_mask=_convert.read_mask(fields),
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
        raise InvalidRequestError(
            f"{given} given; give one of them, so that nothing is removed by accident",
            reason="INVALID_INPUT",
            field="ids",
        )
    return collection_service_pb2.DeleteItemsRequest(
        collection=collection,
        ids=None if ids is None else _convert.checked_texts(ids, "ids"),
        filter=_convert.checked_text(filter, "filter"),
        filter_params=metadata_struct(params, "params") if params else None,
    )
