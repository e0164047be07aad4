"""Bad searches, names and items get a clear error from a running server, and break nothing."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import grpc
import numpy as np
import pytest
import tihua
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tihua.v1 import (
    collection_service_pb2,
    search_service_pb2,
    types_pb2,
)
from tihua.v1.collection_service_pb2_grpc import CollectionServiceStub
from tihua.v1.search_service_pb2_grpc import SearchServiceStub

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def search(
    stub: SearchServiceStub, collection: str, **fields: object
) -> search_service_pb2.SearchResponse:
    """Search for a horse."""
    fields.setdefault("terms", [search_service_pb2.QueryTerm(text="马")])
    return stub.Search(
        search_service_pb2.SearchRequest(collection=collection, **fields)  # type: ignore[arg-type]
    )


def vector(values: list[float], dim: int | None = None) -> search_service_pb2.QueryTerm:
    """Return a query by embedding."""
    block = types_pb2.VectorBlock(
        data=np.array(values, "<f4").tobytes(), dim=len(values) if dim is None else dim, count=1
    )
    return search_service_pb2.QueryTerm(embedding=block)


def nested(depth: int) -> dict[str, object]:
    """Return `depth` nested mappings."""
    inner: dict[str, object] = {}
    for _ in range(depth - 1):
        inner = {"within": inner}
    return inner


@pytest.fixture(scope="module")
def empty(client: tihua.Client, names: Iterator[str]) -> str:
    """A collection into which nothing is written."""
    return client.create_collection(next(names), index="FLAT").name


@pytest.fixture(scope="module")
def written(client: tihua.Client, names: Iterator[str]) -> str:
    """A collection into which each test writes items of its own."""
    return client.create_collection(next(names), index="FLAT").name


BAD_SEARCHES: dict[str, tuple[dict[str, object], str, str]] = {
    "limit 0": ({"limit": 0}, "limit is 0; it must be 1 to 1000", "limit"),
    "limit 1 000 000": ({"limit": 1_000_000}, "it must be 1 to 1000", "limit"),
    "no terms": ({"terms": []}, "terms has 0 entries", "terms"),
    "empty term": ({"terms": [search_service_pb2.QueryTerm()]}, "term has no text", "terms[0]"),
    "empty text": (
        {"terms": [search_service_pb2.QueryTerm(text="")]},
        "text is empty",
        "terms[0]",
    ),
    "NaN": ({"terms": [vector([float("nan")] * 8)]}, "NaN", "terms[0]"),
    "zero vector": ({"terms": [vector([0.0] * 8)]}, "all zero", "terms[0]"),
    "wrong dimension": ({"terms": [vector([1.0] * 8)]}, "8 dimensions", "terms[0]"),
    "bytes and dim differ": ({"terms": [vector([1.0] * 8, dim=9)]}, "dim 9", "terms[0]"),
    "weight 0": (
        {"terms": [search_service_pb2.QueryTerm(text="马", weight=0)]},
        "weight is 0",
        "terms[0].weight",
    ),
    "min_score 2": ({"min_score": 2.0}, "in [-1, 1]", "min_score"),
    "filter that does not parse": ({"filter": "year >"}, "filter", "filter"),
    "unbound parameter": ({"filter": "year > {since}"}, "since", "filter"),
    "page token of nobody": ({"page_token": "xyz"}, "page_token", "page_token"),
}


@pytest.mark.parametrize("kind", BAD_SEARCHES)
def test_a_bad_search_names_field_and_remedy(
    searching: SearchServiceStub, empty: str, kind: str
) -> None:
    """INVALID_ARGUMENT with BadRequest and ErrorInfo; a good search then works."""
    fields, message, field = BAD_SEARCHES[kind]
    with pytest.raises(grpc.RpcError) as refused:
        search(searching, empty, **fields)
    assert refused.value.code() is INVALID
    assert message in (refused.value.details() or "")
    status = rpc_status.from_call(cast("Any", refused.value))
    details = {detail.TypeName(): detail for detail in status.details}
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert details["google.rpc.ErrorInfo"].Unpack(info)
    assert info.domain == "tihua"
    assert details["google.rpc.BadRequest"].Unpack(bad)
    assert bad.field_violations[0].field.startswith(field)
    assert not search(searching, empty).hits


@pytest.mark.parametrize("weights", [(1, -1), (60, 40, -100)])
def test_terms_that_cancel_out_are_refused(
    searching: SearchServiceStub, empty: str, weights: tuple[float, ...]
) -> None:
    """There is no direction to search in, but for rounding, which grows with the weights."""
    terms = [search_service_pb2.QueryTerm(text="马", weight=weight) for weight in weights]
    with pytest.raises(grpc.RpcError, match="cancel each other out"):
        search(searching, empty, terms=terms)


def test_an_unknown_collection_is_not_found(searching: SearchServiceStub) -> None:
    """Nor is any name that no collection can have: `tests/store` tries them."""
    with pytest.raises(grpc.RpcError) as refused:
        search(searching, "absent")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("collection_name", "model", "reason"),
    [
        ("x" * 20_000, "", "NOT_FOUND"),
        ("题" * 1_000, "", "NOT_FOUND"),
        ("", "题" * 1_000, "MODEL_NOT_FOUND"),
    ],
)
def test_a_long_name_is_answered_in_a_short_status(
    searching: SearchServiceStub, empty: str, collection_name: str, model: str, reason: str
) -> None:
    """Otherwise gRPC would refuse the trailers for their size."""
    with pytest.raises(grpc.RpcError) as refused:
        search(searching, collection_name or empty, model=model)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(cast("Any", refused.value)).details[0].Unpack(info)
    assert info.reason == reason


@pytest.mark.parametrize("name", ["", "1st", "a b", "名", "a" * 256, "x; drop"])
def test_a_collection_needs_a_proper_name(collections: CollectionServiceStub, name: str) -> None:
    """The rule is in the message."""
    with pytest.raises(grpc.RpcError, match="letters, digits and underscores") as refused:
        collections.CreateCollection(collection_service_pb2.CreateCollectionRequest(name=name))
    assert refused.value.code() is INVALID


def upsert(
    stub: CollectionServiceStub, collection: str, *items: types_pb2.Item
) -> collection_service_pb2.UpsertItemsResponse:
    """Write items."""
    return stub.UpsertItems(
        collection_service_pb2.UpsertItemsRequest(collection=collection, items=items)
    )


def item_with_metadata(key: str, value: object) -> types_pb2.Item:
    """Return an item with one metadata entry."""
    item = types_pb2.Item(id="bad", text="马")
    item.metadata[key] = value  # type: ignore[assignment]  # any JSON value
    return item


BAD_ITEMS: dict[str, tuple[Callable[[], types_pb2.Item], str]] = {
    "no id": (lambda: types_pb2.Item(text="马"), "EMPTY_ID"),
    "id too long": (lambda: types_pb2.Item(id="马" * 200, text="马"), "ID_TOO_LONG"),
    "uri too long": (lambda: types_pb2.Item(id="bad", uri="u" * 5_000, text="马"), "URI_TOO_LONG"),
    "no content": (lambda: types_pb2.Item(id="bad"), "EMPTY_ITEM"),
    "empty text": (lambda: types_pb2.Item(id="bad", text=""), "EMPTY_TEXT"),
    "NaN vector": (
        lambda: types_pb2.Item(id="bad", embedding=vector([float("nan")] * 8).embedding),
        "NOT_FINITE",
    ),
    "short vector": (
        lambda: types_pb2.Item(id="bad", embedding=vector([1.0] * 8).embedding),
        "WRONG_DIMENSION",
    ),
    "reserved key": (lambda: item_with_metadata("uri", "elsewhere"), "RESERVED_KEY"),
    "NaN in metadata": (lambda: item_with_metadata("year", float("nan")), "INVALID_INPUT"),
    "metadata too deep": (lambda: item_with_metadata("poem", nested(16)), "INVALID_INPUT"),
    "metadata too long": (lambda: item_with_metadata("poem", "马" * 20_000), "METADATA_TOO_LONG"),
    "written before 1970": (
        lambda: types_pb2.Item(id="bad", text="马", update_time=Timestamp(seconds=-1)),
        "OUT_OF_BOUNDS",
    ),
    "written after 9999": (
        lambda: types_pb2.Item(id="bad", text="马", update_time=Timestamp(seconds=253_402_300_800)),
        "OUT_OF_BOUNDS",
    ),
}


@pytest.mark.parametrize("kind", BAD_ITEMS)
def test_a_bad_item_fails_alone(
    collections: CollectionServiceStub, written: str, kind: str
) -> None:
    """The other items are written."""
    make, reason = BAD_ITEMS[kind]
    good = [types_pb2.Item(id=f"{kind} {number}", text="马") for number in range(2)]
    answer = upsert(collections, written, good[0], make(), good[1])
    [error] = answer.errors
    assert (error.index, error.reason) == (1, reason)
    assert answer.items_written == 2
    ids = [good[0].id, "bad", good[1].id]
    asked = collection_service_pb2.GetItemsRequest(collection=written, ids=ids)
    assert [item.id for item in collections.GetItems(asked).items] == [good[0].id, good[1].id]
