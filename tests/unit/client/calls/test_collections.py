"""Calls about collections: what is sent, and what comes of the answer."""

from datetime import UTC, datetime

import pytest
import tihua
from answering_server import MODEL, AnsweringServer, Call
from google.protobuf import timestamp_pb2
from tihua.v1 import collection_service_pb2


def test_a_collection_is_returned_as_it_stands(server: AnsweringServer, call: Call) -> None:
    """Create and get alike."""
    created = timestamp_pb2.Timestamp()
    created.FromDatetime(datetime(2026, 11, 23, tzinfo=UTC))
    collection = collection_service_pb2.Collection(
        name="mine",
        description="mountains",
        model=MODEL,
        dim=512,
        index=collection_service_pb2.Index(
            type=collection_service_pb2.INDEX_TYPE_IVF_FLAT, params={"nlist": 512}
        ),
        shards=2,
        item_count=7,
        load_state=collection_service_pb2.LOAD_STATE_LOADED,
        create_time=created,
    )
    server.answer(
        "CreateCollection", collection_service_pb2.CreateCollectionResponse(collection=collection)
    )
    server.answer(
        "GetCollection", collection_service_pb2.GetCollectionResponse(collection=collection)
    )
    made = call(
        "create_collection",
        index="IVF_FLAT",
        index_params={"nlist": 512},
        shards=2,
        description="mountains",
    )
    assert made == call("get_collection")
    assert made == tihua.Collection(
        name="mine",
        description="mountains",
        model=tihua.ModelRef("fake", "fa4efa4efa4efa4e"),
        dim=512,
        index="IVF_FLAT",
        index_params={"nlist": 512},
        shards=2,
        item_count=7,
        load_state="loaded",
        create_time=datetime(2026, 11, 23, tzinfo=UTC),
    )
    request = server.requests[0]
    assert (request.name, request.shards, dict(request.index.params)) == ("mine", 2, {"nlist": 512})
    assert request.index.type == collection_service_pb2.INDEX_TYPE_IVF_FLAT


def test_all_pages_of_the_collections_are_listed(server: AnsweringServer, call: Call) -> None:
    """The caller sees no pages."""
    pages = [
        collection_service_pb2.ListCollectionsResponse(
            collections=[collection_service_pb2.Collection(name=name)], next_page_token=token
        )
        for name, token in (("a", "1"), ("b", "2"), ("c", ""))
    ]
    server.answer("ListCollections", *pages)
    assert [collection.name for collection in call("list_collections")] == ["a", "b", "c"]
    assert [request.page_token for request in server.requests] == ["", "1", "2"]


@pytest.mark.parametrize("verb", ["Delete", "Load", "Release"])
def test_a_collection_is_deleted_loaded_and_released_by_name(
    server: AnsweringServer, call: Call, verb: str
) -> None:
    """Each says nothing when it is done."""
    server.answer(
        f"{verb}Collection", getattr(collection_service_pb2, f"{verb}CollectionResponse")()
    )
    assert call(f"{verb.lower()}_collection", "other") is None
    assert server.requests[0].name == "other"


def test_an_index_is_built_as_asked_or_as_it_is(server: AnsweringServer, call: Call) -> None:
    """Nothing said of the index means the one that the collection has."""
    collection = collection_service_pb2.Collection(
        name="mine", index=collection_service_pb2.Index(type=collection_service_pb2.INDEX_TYPE_HNSW)
    )
    answer = collection_service_pb2.BuildIndexResponse(collection=collection)
    server.answer("BuildIndex", answer, answer)
    assert call("build_index").index == "HNSW"
    call("build_index", "other", index="HNSW", index_params={"M": 32})
    first, second = server.requests
    assert (first.name, first.HasField("index")) == ("mine", False)
    assert (second.name, second.index.type) == ("other", collection_service_pb2.INDEX_TYPE_HNSW)
    assert dict(second.index.params) == {"M": 32}
    with pytest.raises(tihua.InvalidRequestError, match="say which index"):
        call("build_index", index_params={"M": 32})


def test_deleting_a_collection_takes_no_default() -> None:
    """Nobody loses a collection by leaving out a name."""
    with tihua.Client("localhost:1") as client, pytest.raises(TypeError):
        client.delete_collection()  # type: ignore[call-arg]
