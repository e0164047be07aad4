"""A server with the packaged model, as a user starts it, and clients for it.

Its store is embedded, or a Milvus server in `make test-milvus`.
"""

import contextlib
import itertools
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import grpc
import pytest
import tihua
from processes import GALLERY, ServerProcess, running
from tihua.v1 import (
    collection_service_pb2_grpc,
    embedding_service_pb2_grpc,
    ingest_service_pb2_grpc,
    search_service_pb2_grpc,
)


@pytest.fixture(scope="session", autouse=True)
def _short_notice() -> Iterator[None]:
    """Let servers in this process refuse calls soon after they have said that they will."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tihua_server.app.NOTICE_S", 0.01)
        yield


@pytest.fixture(
    scope="session", params=["embedded", pytest.param("milvus", marks=pytest.mark.milvus)]
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """One server for all tests that do not harm it; it logs every call and has metrics."""
    flags = ["--log-level", "debug", "--metrics-port", "0"]
    if request.param == "milvus":
        flags += ["--milvus-uri", request.getfixturevalue("milvus_uri")]
    with running(tmp_path_factory.mktemp("server"), *flags) as process:
        yield process


@pytest.fixture(scope="session")
def channel(server: ServerProcess) -> Iterator[grpc.Channel]:
    """A bare channel to the server, for what a well-behaved client would not send."""
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.address, options=options) as opened:
        yield opened


@pytest.fixture(scope="session")
def embedding(channel: grpc.Channel) -> "embedding_service_pb2_grpc.EmbeddingServiceStub":
    """Stub of EmbeddingService."""
    return embedding_service_pb2_grpc.EmbeddingServiceStub(channel)


@pytest.fixture(scope="session")
def searching(channel: grpc.Channel) -> "search_service_pb2_grpc.SearchServiceStub":
    """Stub of SearchService."""
    return search_service_pb2_grpc.SearchServiceStub(channel)


@pytest.fixture(scope="session")
def collections(channel: grpc.Channel) -> "collection_service_pb2_grpc.CollectionServiceStub":
    """Stub of CollectionService."""
    return collection_service_pb2_grpc.CollectionServiceStub(channel)


@pytest.fixture(scope="session")
def ingesting(channel: grpc.Channel) -> "ingest_service_pb2_grpc.IngestServiceStub":
    """Stub of IngestService."""
    return ingest_service_pb2_grpc.IngestServiceStub(channel)


@pytest.fixture(scope="session")
def client(server: ServerProcess) -> Iterator[tihua.Client]:
    """The client that users have."""
    with tihua.Client(server.address) as opened:
        yield opened


@pytest.fixture(scope="session")
def names(client: tihua.Client) -> Iterator[Iterator[str]]:
    """Unique names for collections, which are deleted after all tests."""
    run = uuid.uuid4().hex
    yield (f"c{number}_{run}" for number in itertools.count())
    for collection in client.list_collections():
        if collection.name.endswith(run):
            client.delete_collection(collection.name)


@pytest.fixture
def collection(client: tihua.Client, names: Iterator[str]) -> Iterator[str]:
    """A new, empty collection, removed when the test is over."""
    name = client.create_collection(next(names), index="FLAT").name
    yield name
    with contextlib.suppress(tihua.NotFoundError):
        client.delete_collection(name)


@pytest.fixture(scope="session")
def pictures() -> Sequence[Path]:
    """Some pictures of the gallery, sorted."""
    return sorted(GALLERY.glob("*.jpg"))[:24]


@pytest.fixture(scope="session")
def await_hits(client: tihua.Client) -> Callable[[str, int], None]:
    """Return a function that waits until a search finds `count` items, new ones included."""

    def wait(collection: str, count: int) -> None:
        while len(client.search(text="马", limit=count, collection=collection)) < count:
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="session")
def filled(
    client: tihua.Client,
    names: Iterator[str],
    pictures: Sequence[Path],
    await_hits: Callable[[str, int], None],
) -> str:
    """A collection of 24 pictures with numbers as metadata, which tests must not change."""
    name = client.create_collection(next(names), index="FLAT").name
    client.upsert(
        [
            tihua.Item(path.name, image=path, uri=str(path), metadata={"number": number})
            for number, path in enumerate(pictures)
        ],
        collection=name,
    )
    await_hits(name, len(pictures))
    return name
