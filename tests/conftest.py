"""What every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_encoder import FakeEncoder

BRISK = {
    "COMMON_SESSION_TTL": "60",
    "PROXY_TIMETICKINTERVAL": "20",
    "QUERYCOORD_CHECKCHANNELINTERVAL": "50",
    "QUERYCOORD_CHECKSEGMENTINTERVAL": "50",
    "QUERYCOORD_DISTPULLINTERVAL": "50",
}
"""Settings, in milliseconds, with which a read with strong consistency takes 50 ms and not 200, and
loading 2 s and not 3; and one in seconds: nobody kills this Milvus, and one that got no time to
tell etcd that it lives would end itself."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked `gpu` where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")


@pytest.fixture
def encoder() -> FakeEncoder:
    """A fake model."""
    return FakeEncoder()


@pytest.fixture(scope="session")
def small_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where OpenVINO's conversion of the small model lies, which takes 6 s; tests may only read it.

    What writes into its cache, as a verdict on another precision does, gets a copy.
    """
    from small_clip import small_encoder

    cache = tmp_path_factory.mktemp("small")
    small_encoder(cache)
    return cache


@pytest.fixture(scope="session")
def milvus_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Milvus server answers, one for all tests: what TIHUA_TEST_MILVUS_URI names, or ours.

    Many tests of one session use it, so they keep to collections of their own.
    """
    if uri := os.environ.get("TIHUA_TEST_MILVUS_URI"):
        yield uri
        return
    pytest.importorskip("milvus", reason="`make test-milvus` installs Milvus and runs this")
    from milvus_server import running_milvus

    with running_milvus(tmp_path_factory.mktemp("milvus"), BRISK) as server:
        yield server.uri
