"""A model that fails while it is served: what callers, log and metrics show."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tihua
import torch
from grpc_health.v1 import health_pb2, health_pb2_grpc
from in_process import serving
from scraped import Scraped
from small_clip import small_clip, small_towers
from structlog.testing import capture_logs
from tihua_server.app import App
from tihua_server.clip.encoder import ClipEncoder
from tihua_server.clip.model import Towers
from tihua_server.clip.torch_engine import TorchEngine
from tihua_server.config import Config
from torch import nn

TEXTS = {"model": "small", "kind": "text"}
FAULT = "no kernel image is available"


class Fragile(nn.Module):
    """A tower that may fail, or run out of memory once.

    Attributes:
        fault: message of its failure; empty while it works.
        is_short_of_memory: whether the next batch runs out of memory.
    """

    def __init__(self, tower: nn.Module) -> None:
        """Wrap a working tower."""
        super().__init__()
        self.tower = tower
        self.fault = ""
        self.is_short_of_memory = False

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Compute, or fail as torch does."""
        if self.fault:
            raise RuntimeError(self.fault)
        if self.is_short_of_memory:
            self.is_short_of_memory = False
            raise torch.OutOfMemoryError("CUDA out of memory")
        features: torch.Tensor = self.tower(ids)
        return features


@pytest.fixture
def texts() -> Fragile:
    """The text tower."""
    return Fragile(small_towers().text)


@pytest.fixture
async def app(texts: Fragile, tmp_path: Path) -> AsyncIterator[App]:
    """A server with that tower, and with metrics."""
    towers = Towers(small_towers().image, texts)
    engine = TorchEngine(towers, 64, torch.device("cpu"), "fp32")
    # Three texts must be expected to fit into one batch, even if the first batch was slow.
    config = Config(
        port=0, data_dir=tmp_path, metrics_port=0, drain_timeout_s=5, max_batch_ms=60_000
    )
    async with serving(ClipEncoder(small_clip(), engine), config) as running:
        yield running


async def test_why_a_model_failed_is_logged_once_for_all_who_hear_of_it(
    app: App, texts: Fragile
) -> None:
    """A call of three texts is one batch; torch's message stays on the server."""
    texts.fault = FAULT
    async with tihua.AsyncClient(app.address) as client:
        with (
            capture_logs() as logs,
            pytest.raises(tihua.ServerError, match="the server's log says why") as told,
        ):
            await client.embed_texts(["马", "桥", "山"])
    [entry] = [entry for entry in logs if entry["event"] == "model failed"]
    assert entry["batch_size"] == 3
    assert str(entry["exc_info"]) == FAULT
    assert FAULT not in str(told.value)


async def test_a_model_that_goes_on_failing_is_logged_once(app: App, texts: Fragile) -> None:
    """A different fault is logged again, and so is the same one after a successful batch."""
    full, fuller = "16 of 64 MiB are free", "8 of 64 MiB are free"
    async with tihua.AsyncClient(app.address) as client:
        with capture_logs() as logs:
            for fault in (FAULT, FAULT, full, fuller, FAULT, "", FAULT):
                texts.fault = fault
                with contextlib.suppress(tihua.ServerError):
                    await client.embed_text("马")
    whys = [str(entry["exc_info"]) for entry in logs if entry["event"] == "model failed"]
    assert whys == [FAULT, full, FAULT]


async def test_an_ingest_goes_on_when_the_memory_of_a_gpu_was_full_for_a_moment(
    app: App, texts: Fragile
) -> None:
    """Other processes may use the GPU: the client is told when to retry, and does."""
    breaks: list[tihua.TihuaError] = []
    items = [tihua.Item(text, text=text) for text in ("马", "桥", "山")]
    async with tihua.AsyncClient(app.address, collection="c") as client:
        await client.create_collection()
        texts.is_short_of_memory = True
        summary = await client.ingest(items, on_break=breaks.append)
    assert summary.written == 3
    [overloaded] = breaks
    assert isinstance(overloaded, tihua.OverloadedError)
    assert overloaded.reason == "MODEL_OUT_OF_MEMORY"
    assert overloaded.retry_after == 1


async def test_what_a_model_failed_to_compute_is_not_counted_as_embedded(
    app: App, texts: Fragile
) -> None:
    """It is not counted as quickly computed either."""
    metrics = app.telemetry.addresses["metrics"]
    before = await asyncio.to_thread(Scraped, metrics)
    assert before.value("tihua_batches_failed_total", **TEXTS) == 0
    async with tihua.AsyncClient(app.address) as client:
        await client.embed_text("马")
        texts.fault = FAULT
        with pytest.raises(tihua.ServerError):
            await client.embed_texts(["马", "桥", "山"])
    after = await asyncio.to_thread(Scraped, metrics)
    for name, grew in (
        ("tihua_batch_size_sum", 1),
        ("tihua_inference_seconds_count", 1),
        ("tihua_batches_failed_total", 1),
    ):
        assert after.value(name, **TEXTS) - before.value(name, **TEXTS) == grew


async def test_a_server_whose_model_fails_at_every_batch_gets_no_calls(
    app: App, texts: Fragile
) -> None:
    """Load balancers check SystemService. Health recovers by itself, and the metrics follow."""
    states = health_pb2.HealthCheckResponse
    metrics = app.telemetry.addresses["metrics"]
    async with (
        asyncio.timeout(60),
        tihua.AsyncClient(app.address) as client,
        grpc.aio.insecure_channel(app.address) as channel,
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="tihua.v1.SystemService"))
        assert (await watch.read()).status == states.SERVING
        texts.fault = FAULT
        for _ in range(3):
            with pytest.raises(tihua.ServerError):
                await client.embed_text("马")
        assert (await watch.read()).status == states.NOT_SERVING
        scraped = await asyncio.to_thread(Scraped, metrics)
        assert scraped.value("tihua_model_in_trouble", **TEXTS) == 1
        texts.fault = ""
        assert (await watch.read()).status == states.SERVING
        scraped = await asyncio.to_thread(Scraped, metrics)
        assert scraped.value("tihua_model_in_trouble", **TEXTS) == 0
