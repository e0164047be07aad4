"""Ingest streams whose client neither sends nor reads end at the idle timeout."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tihua
from grpc import aio
from in_process import serving
from scraped import Scraped, scraped_when
from tihua.v1 import ingest_service_pb2 as pb
from tihua.v1 import ingest_service_pb2_grpc as rpc
from tihua.v1 import types_pb2
from tihua_server.app import App
from tihua_server.config import Config
from tihua_server.types import Encoder

IDLE_S = 0.5

ENDED = {"method": "IngestService/Ingest", "code": "UNAVAILABLE"}

UNREAD = [
    # A fixed window: unread messages stop the sender after 64 KiB, not after 4 MiB.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1_024),
]


@pytest.fixture
async def app(encoder: Encoder, tmp_path: Path) -> AsyncIterator[App]:
    """A server with an idle timeout of half a second, and a collection."""
    config = Config(
        port=0,
        data_dir=tmp_path,
        metrics_port=0,
        stream_idle_timeout_s=IDLE_S,
        drain_timeout_s=5,
    )
    async with serving(encoder, config) as running:
        async with tihua.AsyncClient(running.address) as client:
            await client.create_collection("c", index="FLAT")
        yield running


def metrics_of(app: App) -> str:
    """Return the address of a server's metrics."""
    return app.telemetry.addresses["metrics"]


def start() -> pb.IngestRequest:
    """Open a session."""
    return pb.IngestRequest(start=pb.IngestStart(collection="c", session_id=str(uuid.uuid4())))


async def test_a_client_that_sends_nothing_is_told_to_come_back_later(app: App) -> None:
    """The status is UNAVAILABLE, after which a client resumes."""
    async with aio.insecure_channel(app.address) as channel:
        stub: Any = rpc.IngestServiceStub(channel)
        call = stub.Ingest()
        await call.write(start())
        assert (await call.read()).WhichOneof("message") == "started"
        with pytest.raises(aio.AioRpcError, match="no batch came for") as ended:
            await call.read()
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_client_that_does_not_even_begin_is_told_to_come_back_later(app: App) -> None:
    """Its stream would count against its limit of open streams."""
    async with aio.insecure_channel(app.address) as channel:
        stub: Any = rpc.IngestServiceStub(channel)
        with pytest.raises(aio.AioRpcError, match="no start came for") as ended:
            await stub.Ingest().read()
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_client_that_does_not_even_begin_does_not_hold_up_the_end(
    encoder: Encoder, tmp_path: Path
) -> None:
    """Nothing of its stream had been accepted."""
    config = Config(port=0, data_dir=tmp_path, metrics_port=0, drain_timeout_s=60)
    async with (
        serving(encoder, config) as app,
        aio.insecure_channel(app.address) as channel,
    ):
        stub: Any = rpc.IngestServiceStub(channel)
        call = stub.Ingest()
        await scraped_when(1, metrics_of(app), "tihua_rpcs_under_way")
        async with asyncio.timeout(20):
            await app.stop()
        with pytest.raises(aio.AioRpcError, match="shutting down") as ended:
            await call.read()
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_client_that_reads_nothing_is_let_go(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """Its stream ends on the server, though it can't be notified; nothing is logged as an error."""
    async with aio.insecure_channel(app.address, options=UNREAD) as channel:
        stub: Any = rpc.IngestServiceStub(channel)
        call = stub.Ingest()
        await call.write(start())
        # Each failure has a message: some 100 KiB for a batch.
        bad = [types_pb2.Item(id=f"{number:0500}", text="") for number in range(256)]
        for seq in (1, 2, 3):
            await call.write(pb.IngestRequest(batch=pb.IngestBatch(seq=seq, items=bad)))
        await scraped_when(1, metrics_of(app), "tihua_rpc_seconds_count", **ENDED)
        await scraped_when(0, metrics_of(app), "tihua_ingest_streams")
        async with tihua.AsyncClient(app.address, collection="c") as client:
            assert await client.count_items() == 0
        await app.stop()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("batch_size", [1, 3, 4])
async def test_a_client_goes_on_though_its_streams_are_ended_at_rest(
    app: App, batch_size: int
) -> None:
    """Rare items are stored like others, and no break is reported, in batches of any size."""
    breaks: list[tihua.TihuaError] = []

    def rarely() -> Iterator[tihua.Item]:
        for number in range(3):
            while number and Scraped(metrics_of(app)).value("tihua_ingest_streams"):
                time.sleep(0.01)
            yield tihua.Item(f"{number}", text="马")

    def ingest() -> tihua.IngestSummary:
        with tihua.Client(app.address, collection="c") as client:
            return client.ingest(
                rarely(),
                batch_size=batch_size,
                on_break=breaks.append,
                reconnect_timeout=IDLE_S / 2,
            )

    summary = await asyncio.to_thread(ingest)
    assert (summary.written, summary.sent) == (3, 3)
    assert breaks == []
