"""The field that an error names is a path in the request, as AIP-193 has it."""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tihua.v1 import (
    collection_service_pb2,
    collection_service_pb2_grpc,
    embedding_service_pb2,
    embedding_service_pb2_grpc,
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    search_service_pb2,
    search_service_pb2_grpc,
    types_pb2,
)

UNKNOWN: Any = 99
"""A value of an enum that a newer client may know."""

Make: TypeAlias = Callable[[str], tuple[Message, ...]]


def embed(**options: Any) -> Make:
    """Return a call for an embedding, of any collection."""
    made = embedding_service_pb2.EmbedOptions(**options)
    return lambda _: (embedding_service_pb2.EmbedTextRequest(texts=["马"], options=made),)


def search(term: search_service_pb2.QueryTerm | None = None, **fields: Any) -> Make:
    """Return a search."""
    terms = [term or search_service_pb2.QueryTerm(text="马")]
    return lambda name: (search_service_pb2.SearchRequest(collection=name, terms=terms, **fields),)


def index(kind: Any, **params: int) -> Make:
    """Return a call to make an index of IVF_FLAT."""
    made = collection_service_pb2.Index(
        type=collection_service_pb2.INDEX_TYPE_IVF_FLAT, params=params
    )
    return lambda name: (kind(name=name, index=made),)


def ingest(*, items: int = 1, bookmark: str = "", **start: Any) -> Make:
    """Return a stream of one batch."""
    batch = ingest_service_pb2.IngestBatch(
        seq=1,
        items=[types_pb2.Item(id=f"{n}", text="马") for n in range(items)],
        bookmark=bookmark,
    )
    start.setdefault("session_id", "of a test")
    return lambda name: (
        ingest_service_pb2.IngestRequest(
            start=ingest_service_pb2.IngestStart(collection=name, **start)
        ),
        ingest_service_pb2.IngestRequest(batch=batch),
    )


ODD_VECTOR = types_pb2.VectorBlock(type=UNKNOWN, data=b"1234", dim=1, count=1)

CASES: dict[str, Make] = {
    "options.vector_type": embed(vector_type=UNKNOWN),
    "options.priority": embed(priority=UNKNOWN),
    "options.model": embed(model="absent"),
    "terms[0].embedding.type": search(search_service_pb2.QueryTerm(embedding=ODD_VECTOR)),
    "terms[0].item_id": search(search_service_pb2.QueryTerm(item_id="absent")),
    "model": search(model="absent"),
    "index_params[nprobe]": search(index_params={"nprobe": 3}),
    "index.params[nlist]": index(collection_service_pb2.CreateCollectionRequest, nlist=0),
    "index.params[list]": index(collection_service_pb2.BuildIndexRequest, list=1),
    "start.mode": ingest(mode=UNKNOWN),
    "start.model": ingest(model="absent"),
    "start.session_id": ingest(session_id=""),
    "start.read_bookmark": ingest(read_bookmark="第" * 22),
    "batch.items": ingest(items=0),
    "batch.bookmark": ingest(bookmark="第" * 22, session_id="of another test"),
}


@pytest.mark.parametrize("field", CASES)
def test_an_error_names_a_field_that_the_request_has(
    channel: grpc.Channel, collection: str, field: str
) -> None:
    """The path exists in the request, so a client can find it."""
    requests = CASES[field](collection)
    with pytest.raises(grpc.RpcError) as refused:
        send(channel, requests)
    named = field_of(refused.value)
    assert named == field
    assert any(has_path(request, named) for request in requests)


def send(channel: grpc.Channel, requests: tuple[Message, ...]) -> None:
    """Call the method that takes the request, and read its whole answer."""
    searching = search_service_pb2_grpc.SearchServiceStub(channel)
    collections = collection_service_pb2_grpc.CollectionServiceStub(channel)
    match requests[0]:
        case embedding_service_pb2.EmbedTextRequest() as request:
            embedding_service_pb2_grpc.EmbeddingServiceStub(channel).EmbedText(request)
        case search_service_pb2.SearchRequest() as request:
            searching.Search(request)
        case collection_service_pb2.CreateCollectionRequest() as request:
            collections.CreateCollection(request)
        case collection_service_pb2.BuildIndexRequest() as request:
            collections.BuildIndex(request)
        case _:
            stub = ingest_service_pb2_grpc.IngestServiceStub(channel)
            for _ in stub.Ingest(iter(cast("Any", requests))):
                pass


def field_of(error: grpc.RpcError) -> str:
    """Return the field of an error's BadRequest."""
    bad = error_details_pb2.BadRequest()
    for detail in rpc_status.from_call(cast("Any", error)).details:
        if detail.Unpack(bad):
            return str(bad.field_violations[0].field)
    return ""


def has_path(request: Message, path: str) -> bool:
    """Return whether a message has this field; any `[…]` in the path is ignored."""
    descriptor: Any = request.DESCRIPTOR
    for part in path.split("."):
        name = part.partition("[")[0]
        if descriptor is None or name not in descriptor.fields_by_name:
            return False
        descriptor = descriptor.fields_by_name[name].message_type
    return True
