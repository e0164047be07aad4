"""Two replicas, started once for all tests; a killed one is restarted for the next test."""

import uuid
from collections.abc import Iterator

import pytest
import tihua
from name_server import NameServer
from replica_pair import HOSTS, Pair


@pytest.fixture(scope="session")
def running_pair(milvus_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A name server and two replicas, shared by all tests."""
    with NameServer(*HOSTS) as names:
        pair = Pair(milvus_uri, tmp_path_factory.mktemp("replicas"), names)
        try:
            yield pair
        finally:
            for replica in pair.replicas:
                replica.stop()


@pytest.fixture
def pair(running_pair: Pair) -> Pair:
    """Both replicas, up."""
    running_pair.start()
    return running_pair


@pytest.fixture
def collection(pair: Pair) -> Iterator[str]:
    """A new collection."""
    with tihua.Client(pair.address) as client:
        name = client.create_collection(f"test_{uuid.uuid4().hex}", index="FLAT").name
        yield name
        client.delete_collection(name)
