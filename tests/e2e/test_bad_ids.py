"""Ids that no item can have, and deletions without ids or filter."""

import grpc
import pytest
from tihua.v1 import collection_service_pb2, search_service_pb2, types_pb2
from tihua.v1.collection_service_pb2_grpc import CollectionServiceStub
from tihua.v1.search_service_pb2_grpc import SearchServiceStub
from tihua_server.rpc.page_token import encode_list_token, request_digest


def upsert(stub: CollectionServiceStub, collection: str) -> None:
    """Write an item `a`."""
    items = [types_pb2.Item(id="a", text="马")]
    stub.UpsertItems(collection_service_pb2.UpsertItemsRequest(collection=collection, items=items))


def test_deleting_needs_ids_or_a_filter(
    collections: CollectionServiceStub, collection: str
) -> None:
    """Without either, nothing is deleted."""
    upsert(collections, collection)
    with pytest.raises(grpc.RpcError, match="exactly one"):
        collections.DeleteItems(collection_service_pb2.DeleteItemsRequest(collection=collection))


def test_parameters_of_no_filter_are_refused(
    collections: CollectionServiceStub, collection: str
) -> None:
    """Parameters have no meaning beside ids, and nothing is deleted."""
    upsert(collections, collection)
    request = collection_service_pb2.DeleteItemsRequest(collection=collection, ids=["a"])
    request.filter_params["year"] = 1990
    with pytest.raises(grpc.RpcError, match="filter_params") as refused:
        collections.DeleteItems(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("size", [513, 20_000_000])
def test_an_id_that_is_too_long_is_not_there(
    collections: CollectionServiceStub, searching: SearchServiceStub, collection: str, size: int
) -> None:
    """No item can have such an id; the others of the call are found."""
    item_id = "i" * size
    upsert(collections, collection)

    got = collections.GetItems(
        collection_service_pb2.GetItemsRequest(collection=collection, ids=[item_id, "a"])
    )
    assert ([item.id for item in got.items], list(got.missing_ids)) == (["a"], [item_id])
    terms = [search_service_pb2.QueryTerm(item_id=item_id)]
    with pytest.raises(grpc.RpcError, match="no item has an id of more than 512 bytes") as refused:
        searching.Search(search_service_pb2.SearchRequest(collection=collection, terms=terms))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    removed = collections.DeleteItems(
        collection_service_pb2.DeleteItemsRequest(collection=collection, ids=[item_id, "a"])
    )
    assert removed.deleted_count == 1


@pytest.mark.parametrize("size", [513, 2_000_000])
def test_a_page_token_of_an_id_that_is_too_long_is_refused(
    collections: CollectionServiceStub, collection: str, size: int
) -> None:
    """A caller can make one: its checksum has no key."""
    request = collection_service_pb2.ListItemsRequest(collection=collection)
    request.page_token = encode_list_token(request_digest(request), collection, "i" * size)
    with pytest.raises(grpc.RpcError, match="page_token is not one of this server's") as refused:
        collections.ListItems(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
