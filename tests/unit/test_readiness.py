"""What health says while the store comes and goes, over a real health service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from in_memory_store import InMemoryStore
from silent_watcher import silent_watcher
from structlog.testing import capture_logs
from tihua_server.errors import StoreFull, StoreUnavailable
from tihua_server.health_service import HealthService
from tihua_server.readiness import Readiness

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = ("", "Embedding", "Ingest", "Search")


@pytest.fixture
def store() -> InMemoryStore:
    """A store that answers."""
    return InMemoryStore()


@contextlib.asynccontextmanager
async def watched(store: InMemoryStore) -> AsyncIterator[tuple[Readiness, Any, str]]:
    """Run a health service that follows the store; also give a stub of it, and its address."""
    server = grpc.aio.server()
    servicer = HealthService(SERVICES)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    readiness = Readiness(
        store,
        servicer,
        services=SERVICES,
        readers=("", "Ingest", "Search"),
        writers=("Ingest",),
        interval_s=0.001,
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await readiness.begin()
        yield readiness, health_pb2_grpc.HealthStub(channel), f"127.0.0.1:{port}"
        await readiness.end()
    await server.stop(None)


async def test_health_follows_the_store_and_embedding_needs_none(store: InMemoryStore) -> None:
    """What needs the store is NOT_SERVING while it is away, and SERVING again by itself."""
    async with watched(store) as (_, stub, _):
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="Search"))
        assert (await watch.read()).status == SERVING
        store.error = StoreUnavailable("it does not answer")
        assert (await watch.read()).status == NOT_SERVING
        embedding = await stub.Check(health_pb2.HealthCheckRequest(service="Embedding"))
        assert embedding.status == SERVING
        store.error = None
        assert (await watch.read()).status == SERVING
        whole = await stub.Check(health_pb2.HealthCheckRequest())
        assert whole.status == SERVING


async def test_health_survives_a_bug(store: InMemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs the store is NOT_SERVING, the log says why, and health goes on following it."""
    async with watched(store) as (_, stub, _):
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="Search"))
        assert (await watch.read()).status == SERVING
        with capture_logs() as lines:
            store.error = ZeroDivisionError()
            assert (await watch.read()).status == NOT_SERVING
            store.error = None
            assert (await watch.read()).status == SERVING

    assert any(isinstance(line.get("exc_info"), ZeroDivisionError) for line in lines)


async def test_a_store_that_comes_back_does_not_revive_a_stopping_server(
    store: InMemoryStore,
) -> None:
    """After the end nothing is SERVING."""
    async with watched(store) as (readiness, stub, _):
        store.error = StoreUnavailable("it does not answer")
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        while (await watch.read()).status == SERVING:
            pass
        await readiness.end()
        store.error = None
        for service in ("", "Search", "Embedding"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == NOT_SERVING


async def test_a_full_store_still_searches(store: InMemoryStore) -> None:
    """Only ingest is NOT_SERVING, until there is room."""
    async with watched(store) as (_, stub, _):
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="Ingest"))
        assert (await watch.read()).status == SERVING
        store.error = StoreFull("no room")
        assert (await watch.read()).status == NOT_SERVING
        for service in ("", "Search", "Embedding"):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == SERVING
        store.error = None
        assert (await watch.read()).status == SERVING


async def test_a_watcher_that_does_not_read_keeps_no_news_from_others(
    store: InMemoryStore,
) -> None:
    """They hear of an outage, of its end, and of the server's."""
    async with (
        asyncio.timeout(30),
        watched(store) as (readiness, stub, address),
        silent_watcher(address),
    ):
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        store.error = StoreUnavailable("it does not answer")
        assert (await watch.read()).status == NOT_SERVING
        store.error = None
        assert (await watch.read()).status == SERVING
        await readiness.end()
        assert (await watch.read()).status == NOT_SERVING
