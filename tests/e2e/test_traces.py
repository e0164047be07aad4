"""Traces from a user's program, through the client and a real server, to a collector."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tihua
from collector import Collector, collecting, values_of
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace import TracerProvider
from processes import ServerProcess, running
from tihua_server._version import __version__
from tihua_server.config import Config
from tihua_server.observer import Observer
from tihua_server.telemetry.telemetry import Telemetry


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """A collector for all tests of this file."""
    with collecting() as running_collector:
        yield running_collector


@pytest.fixture(scope="module")
def traced(
    collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A server that sends its spans there, configured only by OpenTelemetry's own variables."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{collector.address}")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        environment.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        data_dir = tmp_path_factory.mktemp("traced")
        with running(data_dir, "--metrics-port", "0", module="fake_server") as server:
            yield server


@pytest.fixture(scope="module")
def client(traced: ServerProcess) -> Iterator[tihua.Client]:
    """A client of that server, and a collection."""
    with tihua.Client(traced.address) as opened:
        opened.create_collection(index="FLAT")
        yield opened


def test_one_trace_goes_from_the_caller_to_the_stages(
    client: tihua.Client, collector: Collector
) -> None:
    """The user's span holds the server's, which holds preprocess, queue, inference and store."""
    tracer = TracerProvider().get_tracer("a program of a user's")
    with tracer.start_as_current_span("look for a horse") as users:
        client.search(text="马")
    ours = users.get_span_context()
    trace_id = ours.trace_id.to_bytes(16)
    served = collector.wait_for(
        lambda span: span.kind == Span.SPAN_KIND_SERVER and span.trace_id == trace_id
    )
    assert served.name == "tihua.v1.SearchService/Search"
    assert served.parent_span_id == ours.span_id.to_bytes(8)
    attributes = values_of(served.attributes)
    assert attributes["rpc.response.status_code"] == "OK"
    assert len(attributes["tihua.request_id"]) == 16
    stages = collector.within(served)
    order = ["preprocess", "queue", "inference", "milvus search"]
    assert set(order) <= set(stages)
    previous_end = served.start_time_unix_nano
    for name in order:
        stage = stages[name]
        # Two clocks are read one after the other: half a millisecond may lie between them.
        assert stage.start_time_unix_nano >= previous_end - 500_000
        previous_end = stage.end_time_unix_nano
    assert previous_end <= served.end_time_unix_nano + 500_000
    assert values_of(stages["inference"].attributes)["tihua.batch_size"] == 1


async def test_the_asyncio_client_continues_the_trace_too(
    traced: ServerProcess, client: tihua.Client, collector: Collector
) -> None:
    """An ingest has the spans of its batches."""
    tracer = TracerProvider().get_tracer("a program of a user's")
    async with tihua.AsyncClient(traced.address) as asyncio_client:
        with tracer.start_as_current_span("put a horse") as users:
            await asyncio_client.ingest([tihua.Item("a", text="马")])
    trace_id = users.get_span_context().trace_id.to_bytes(16)
    served = collector.wait_for(
        lambda span: span.name.endswith("/Ingest") and span.trace_id == trace_id
    )
    assert {"inference", "milvus insert"} <= set(collector.within(served))


def test_a_call_without_a_trace_begins_one(client: tihua.Client, collector: Collector) -> None:
    """The span has the error's type, but only errors of the server set its status."""
    with pytest.raises(tihua.NotFoundError) as caught:
        client.search(text="马", collection="nowhere")
    served = collector.wait_for(
        lambda span: values_of(span.attributes).get("tihua.request_id") == caught.value.request_id
    )
    assert not served.parent_span_id
    assert values_of(served.attributes)["error.type"] == "NOT_FOUND"
    assert served.status.code == Status.STATUS_CODE_UNSET


def test_the_server_says_who_it_is(client: tihua.Client, collector: Collector) -> None:
    """Its resource has name and version, beside the attributes that the operator adds."""
    client.server_info()
    collector.wait_for(lambda span: span.name.endswith("/GetServerInfo"))
    assert collector.resource["service.name"] == "tihua-server"
    assert collector.resource["service.version"] == __version__
    assert collector.resource["deployment.environment.name"] == "test"


def test_the_last_spans_are_sent_before_the_server_ends(tmp_path: Path) -> None:
    """They don't wait for the delay of a batch."""
    with collecting() as collector, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{collector.address}")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
        with (
            running(tmp_path, module="fake_server") as server,
            tihua.Client(server.address) as client,
        ):
            client.server_info()
            assert not collector.spans
        assert [span.name for span in collector.spans][-1] == "tihua.v1.SystemService/GetServerInfo"


@pytest.mark.parametrize("traces", ["auto", "off"])
def test_no_spans_are_made_unless_it_is_said(traces: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag or a variable enables them; `off` wins."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    if traces == "off":
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    assert type(Telemetry(Config(traces=traces)).observer) is Observer


@pytest.mark.parametrize(("traces", "status"), [("on", 1), ("auto", 0)])
def test_without_the_extra_it_is_said_what_to_install(traces: str, status: int) -> None:
    """With the flag, the server refuses to start; with only the variable, there are no traces."""
    code = (
        "import sys; sys.modules['opentelemetry.sdk'] = None\n"
        "from tihua_server.config import Config\n"
        "from tihua_server.telemetry.telemetry import Telemetry\n"
        f"Telemetry(Config(traces={traces!r}))"
    )
    tried = subprocess.run(
        [sys.executable, "-c", code],
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == status
    assert "pip install . './server[otel]'" in tried.stdout + tried.stderr
