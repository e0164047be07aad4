"""Metrics and their server, without a model or a store."""

import socket
import time
import urllib.error
import urllib.request
from time import perf_counter

import pytest
from scraped import Scraped
from tihua_server.config import Config
from tihua_server.errors import ConfigError, ModelError
from tihua_server.observer import Observer, Observers
from tihua_server.stages import Stages
from tihua_server.telemetry.metrics import Metrics
from tihua_server.telemetry.metrics_server import MetricsServer
from tihua_server.telemetry.telemetry import Telemetry
from tihua_server.types import Kind


def test_each_server_counts_for_itself() -> None:
    """Two servers in one process share no metric."""
    one, other = Metrics(), Metrics()
    one.ingested(written=3, failed=1, skipped=0)
    written = ("tihua_ingest_items_total", {"outcome": "written"})
    assert one.registry.get_sample_value(*written) == 3
    assert other.registry.get_sample_value(*written) == 0


def test_a_call_is_timed_by_method_and_code() -> None:
    """An error of ours is also counted by its reason."""
    metrics = Metrics()
    metrics.rpc_ended("SearchService/Search", "OK", "", perf_counter() - 0.3)
    metrics.rpc_ended("SearchService/Search", "RESOURCE_EXHAUSTED", "OVERLOADED", perf_counter())
    value = metrics.registry.get_sample_value
    call = {"method": "SearchService/Search", "code": "OK"}
    assert value("tihua_rpc_seconds_sum", call) == pytest.approx(0.3, abs=0.05)
    assert value("tihua_rpc_seconds_bucket", {**call, "le": "0.25"}) == 0
    assert value("tihua_rpc_seconds_bucket", {**call, "le": "0.5"}) == 1
    assert value("tihua_rejected_total", {"reason": "OVERLOADED"}) == 1


def test_inputs_that_never_came_to_the_model_did_not_wait_for_it() -> None:
    """Their zeros would hide how long the others waited."""
    metrics = Metrics()
    metrics.embedded("tiny", Kind.IMAGE, 0.0, Stages(preprocess_s=0.01))
    metrics.embedded("tiny", Kind.IMAGE, 0.0, Stages(queue_s=0.2, preprocess_s=0.01, batch_size=4))
    value = metrics.registry.get_sample_value
    assert value("tihua_preprocess_seconds_count", {"model": "tiny", "kind": "image"}) == 2
    assert value("tihua_queue_seconds_count", {"model": "tiny", "kind": "image"}) == 1


def test_several_observers_hear_the_same() -> None:
    """Every event reaches all of them."""
    one, other = Metrics(), Metrics()
    both = Observers([one, other])
    both.rpc_began("SystemService/GetServerInfo", ())
    both.rpc_ended("SystemService/GetServerInfo", "INTERNAL", "INTERNAL", perf_counter())
    both.embedded("tiny", Kind.TEXT, perf_counter(), Stages(batch_size=1))
    both.part_failed("INTERNAL")
    both.batch_computed("tiny", Kind.TEXT, 1, 0.001)
    both.batch_failed("tiny", Kind.TEXT, ModelError("it failed"))
    both.store_answered("search", perf_counter(), "STORE_ERROR")
    both.ingested(written=1, failed=2, skipped=3)
    for metrics in (one, other):
        value = metrics.registry.get_sample_value
        assert value("tihua_rejected_total", {"reason": "INTERNAL"}) == 2
        assert value("tihua_queue_seconds_count", {"model": "tiny", "kind": "text"}) == 1
        assert value("tihua_batch_size_sum", {"model": "tiny", "kind": "text"}) == 1
        assert value("tihua_batches_failed_total", {"model": "tiny", "kind": "text"}) == 1
        assert value("tihua_store_seconds_count", {"call": "search"}) == 1
        assert value("tihua_ingest_items_total", {"outcome": "skipped"}) == 3


def test_nobody_watches_by_default() -> None:
    """No port is opened and nothing is counted."""
    assert type(Telemetry(Config()).observer) is Observer


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_metrics_are_served_at_one_path(host: str) -> None:
    """Every other path is not found."""
    server = MetricsServer(Metrics().registry, host, 0)
    try:
        assert Scraped(server.address).types["tihua_rpcs_under_way"] == "gauge"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with pytest.raises(urllib.error.HTTPError, match="404"):
            opener.open(f"http://{server.address}/", timeout=30)
    finally:
        server.close()


def test_a_scraper_that_says_nothing_keeps_nobody_waiting() -> None:
    """It delays neither another scraper nor the end of the server."""
    server = MetricsServer(Metrics().registry, "127.0.0.1", 0)
    host, _, port = server.address.rpartition(":")
    with socket.create_connection((host, int(port))):
        assert Scraped(server.address).samples
        start_s = time.monotonic()
        server.close()
        assert time.monotonic() - start_s < 5


def test_a_port_that_is_taken_is_told_with_the_flag() -> None:
    """The error names the flag, as for the service's own port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}.*--metrics-port"):
            MetricsServer(Metrics().registry, "127.0.0.1", port)
