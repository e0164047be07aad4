"""Startup, shutdown and overload, as operators see them."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import tihua
from asked_delay import asked_delay_s
from fake_encoder import FakeEncoder
from grpc_health.v1 import health_pb2, health_pb2_grpc
from held_encoder import HeldEncoder
from holding_proxy import holding
from in_process import serving
from kept_items import count_kept
from lost_server import FATAL
from processes import run_tihua, running, start_server
from scraped import scraped_when
from second_encoder import SecondEncoder
from silent_watcher import silent_watcher
from stuck_server import STUCK
from tihua_server.app import App
from tihua_server.config import Config
from tihua_server.milvus.store import Milvus
from tihua_server.rpc import methods
from tihua_server.types import Encoder


@pytest.fixture
def held(encoder: Encoder) -> HeldEncoder:
    """A model that can be held up."""
    return HeldEncoder(encoder)


async def texts_wait(count: int, app: App) -> None:
    """Wait until `count` texts are queued for the model."""
    address = app.telemetry.addresses["metrics"]
    queued = {"model": "fake", "lane": "interactive", "kind": "text"}
    await scraped_when(count, address, "tihua_queue_size", **queued)


async def test_a_full_server_refuses_with_a_delay_and_recovers(
    held: HeldEncoder, tmp_path: Path
) -> None:
    """It refuses with RetryInfo; queued calls are answered, and so is the next one."""
    config = Config(port=0, data_dir=tmp_path, metrics_port=0, max_queue_size=3, drain_timeout_s=5)
    async with serving(held, config) as app, tihua.AsyncClient(app.address) as client:
        busy = await held.hold(client)
        waiting = asyncio.create_task(client.embed_texts(["马", "桥"]))
        await texts_wait(2, app)
        assert await asked_delay_s(app.address, text="山") == 1
        held.may_go_on.set()
        await asyncio.gather(busy, waiting)
        assert len(await client.embed_text("马")) == held.info.dim


async def test_a_caller_who_left_is_not_computed_for(
    held: HeldEncoder, encoder: FakeEncoder, tmp_path: Path
) -> None:
    """Its deadline passes while it waits; the model never sees its text."""
    config = Config(port=0, data_dir=tmp_path, metrics_port=0, drain_timeout_s=5)
    async with (
        serving(held, config) as app,
        tihua.AsyncClient(app.address) as client,
    ):
        busy = await held.hold(client)
        leaving = asyncio.create_task(client.embed_texts(["马"] * 7, timeout=2))
        await texts_wait(7, app)
        with pytest.raises(tihua.DeadlineError):
            await leaving
        # The server notices the deadline by its own clock.
        await texts_wait(0, app)
        encoder.batch_sizes.clear()
        held.may_go_on.set()
        await busy
        await client.embed_text("桥")
        assert encoder.batch_sizes == [1, 1]


async def test_stopping_finishes_what_was_accepted_and_says_so_first(
    held: HeldEncoder, tmp_path: Path
) -> None:
    """Health turns NOT_SERVING, but the call in progress is still answered."""
    config = Config(port=0, data_dir=tmp_path, drain_timeout_s=30)
    async with (
        serving(held, config) as app,
        tihua.AsyncClient(app.address) as client,
        grpc.aio.insecure_channel(app.address) as channel,
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        busy = await held.hold(client)
        stopping = asyncio.create_task(app.stop())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        held.may_go_on.set()
        assert await busy
        await asyncio.wait_for(stopping, 10)


async def test_stopping_waits_for_what_is_being_uploaded(encoder: Encoder, tmp_path: Path) -> None:
    """The call has started, though its message is not complete yet."""
    config = Config(port=0, data_dir=tmp_path, metrics_port=0, drain_timeout_s=30)
    async with (
        asyncio.timeout(60),
        serving(encoder, config) as app,
        holding(app.address, after_bytes=40_000) as proxy,
        tihua.AsyncClient(proxy.address) as client,
        grpc.aio.insecure_channel(app.address) as channel,
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        picture = tihua.RgbImage(bytes(200 * 200 * 3), 200, 200)
        uploading = asyncio.create_task(client.embed_image(picture))
        await scraped_when(1, app.telemetry.addresses["metrics"], "tihua_rpcs_under_way")
        stopping = asyncio.create_task(app.stop())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        proxy.may_go_on.set()
        assert len(await uploading) == encoder.info.dim
        await stopping


async def test_a_watcher_that_does_not_read_does_not_hold_up_the_end(
    encoder: Encoder, tmp_path: Path
) -> None:
    """The health updates that it has not received are dropped."""
    async with (
        asyncio.timeout(60),
        serving(encoder, Config(port=0, data_dir=tmp_path, drain_timeout_s=5)) as app,
        silent_watcher(app.address),
    ):
        await app.stop()


async def test_a_collection_of_another_model_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    """Search, upsert and ingest: scores between two models would mean nothing."""
    config = Config(port=0, data_dir=tmp_path, drain_timeout_s=5)
    async with serving(encoder, config) as app, tihua.AsyncClient(app.address) as client:
        await client.create_collection("old")
    async with (
        serving(SecondEncoder(), config) as app,
        tihua.AsyncClient(app.address, collection="old") as client,
    ):
        for call in (
            client.search(text="马"),
            client.upsert([tihua.Item("a", text="马")]),
            client.ingest([tihua.Item("a", text="马")]),
        ):
            with pytest.raises(tihua.FailedPreconditionError, match="was made with fake"):
                await call
        assert (await client.get_collection()).model.id == "fake"


async def test_what_a_failed_start_opened_is_closed(
    encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the parts can't be put together: the store is free, and no thread exports spans."""
    config = Config(port=0, data_dir=tmp_path, traces="on", drain_timeout_s=5)
    threads = {thread.name for thread in threading.enumerate()}
    with monkeypatch.context() as patch:
        patch.setattr(methods, "NEEDED_ROLES", {})
        with pytest.raises(AssertionError, match="who may call"):
            async with serving(encoder, config):
                pass
    left = {thread.name for thread in threading.enumerate()} - threads
    assert not [name for name in left if name.startswith("Otel")], left
    store = await Milvus.open(tmp_path)
    await store.close()


def test_sigterm_ends_the_server_quietly(tmp_path: Path) -> None:
    """It exits with status 0 and without a traceback, and the written items are kept."""
    with (
        running(tmp_path, module="fake_server") as server,
        tihua.Client(server.address, collection="kept") as client,
    ):
        client.create_collection()
        client.upsert([tihua.Item("a", text="马")])
        server.process.terminate()
        assert server.process.wait(30) == 0
    assert not [entry for entry in server.log if "Traceback" in str(entry)]
    assert count_kept(tmp_path, "kept") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_still_loads_ends_at_once(number: signal.Signals, tmp_path: Path) -> None:
    """It needs a signal handler: PID 1 of a container ignores signals without one."""
    with start_server(tmp_path, module="slow_start") as process:
        assert process.stderr is not None
        try:
            while '"loading"' not in process.stderr.readline():
                assert process.poll() is None
            process.send_signal(number)
            assert process.wait(30) == 128 + number
        finally:
            process.kill()


def test_a_second_signal_ends_a_draining_server_at_once(tmp_path: Path) -> None:
    """A second Ctrl-C skips the drain; the written items are kept."""
    with (
        running(tmp_path, "--drain-timeout-s", "300", module="stuck_server") as server,
        tihua.Client(server.address, collection="kept") as client,
        ThreadPoolExecutor(1) as caller,
    ):
        client.create_collection()
        client.upsert([tihua.Item("a", text="马")])
        busy = caller.submit(client.embed_text, STUCK, timeout=60)
        while not server.has_logged("stuck"):
            client.server_info()
        server.process.send_signal(signal.SIGINT)
        while not server.has_logged("stopping"):
            assert server.process.poll() is None
            time.sleep(0.01)
        give_up_s = time.monotonic() + 30
        while server.process.poll() is None and time.monotonic() < give_up_s:
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        assert server.process.wait(1) == 128 + signal.SIGINT
        with pytest.raises(tihua.TihuaError):
            busy.result()
    assert count_kept(tmp_path, "kept") == 1


def test_a_request_to_stop_may_come_twice_at_once(tmp_path: Path) -> None:
    """`timeout` and other wrappers signal both the process and its group."""
    with (
        running(tmp_path, module="fake_server") as server,
        tihua.Client(server.address) as client,
    ):
        client.create_collection()
        for _ in range(2):
            server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


def test_a_server_that_lost_its_gpu_ends_to_be_started_again(tmp_path: Path) -> None:
    """The call can be retried elsewhere, health and log show the reason, the status is not 0."""
    with (
        running(tmp_path, module="lost_server") as server,
        tihua.Client(server.address) as client,
        grpc.insecure_channel(server.address) as channel,
        ThreadPoolExecutor(1) as watcher,
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="tihua.v1.SystemService"))
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        told = watcher.submit(next, watch)
        with pytest.raises(tihua.UnavailableError):
            client.embed_text(FATAL)
        assert told.result(30).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert server.process.wait(30) == 1
    lost = [entry for entry in server.log if entry.get("reason") == "DEVICE_LOST"]
    assert {entry.get("code") for entry in lost if entry["event"] == "rpc"} == {"UNAVAILABLE"}
    assert lost[-1]["level"] == "critical"
    assert not [entry for entry in server.log if "Traceback" in str(entry)]


def test_two_servers_do_not_share(tmp_path: Path) -> None:
    """The second says in one line which port or directory is in use, and exits with status 1."""
    with running(tmp_path, module="fake_server") as server:
        port = server.address.rpartition(":")[2]
        tries = [(port, tmp_path / "other", f":{port}: another"), ("0", tmp_path, str(tmp_path))]
        for port_too, data_dir, told in tries:
            second = subprocess.run(
                [sys.executable, "-m", "tihua_server", "--port", port_too, "--data-dir", data_dir],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert second.returncode == 1
            assert "Traceback" not in second.stderr
            line = second.stderr.splitlines()[-1]
            assert line.startswith("Error: ")
            assert told in line


def test_no_server_is_one_clear_line() -> None:
    """The client says what to start."""
    result = run_tihua("search", "马", address="localhost:1")
    assert result.returncode == 1
    assert "no tihua server answers at localhost:1" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
