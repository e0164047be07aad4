"""A server with the packaged model and an embedded store, as a user starts it, and its callers."""

import itertools
from collections.abc import Iterator, Sequence
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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests that do not harm it, with a line for every call, and metrics."""
    flags = ("--log-level", "debug", "--metrics-port", "0")
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
def names() -> Iterator[str]:
    """Names for collections, a new one each."""
    return (f"c{number}" for number in itertools.count())


@pytest.fixture
def collection(client: tihua.Client, names: Iterator[str]) -> str:
    """A new, empty collection."""
    return client.create_collection(next(names), index="FLAT").name


@pytest.fixture(scope="session")
def pictures() -> Sequence[Path]:
    """Some pictures of the gallery, sorted."""
    return sorted(GALLERY.glob("*.jpg"))[:24]
