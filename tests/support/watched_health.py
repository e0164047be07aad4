"""A health service that follows a store and models, over a real connection."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
from fake_encoder import FakeEncoder
from grpc_health.v1 import health_pb2, health_pb2_grpc
from in_memory_store import InMemoryStore
from tihua_server.config import Config
from tihua_server.model_watch import HUNG_S, SAMPLE_S, ModelWatch
from tihua_server.rpc.health_service import HealthService
from tihua_server.rpc.readiness import Readiness
from tihua_server.served_models import ServedModels
from tihua_server.types import Encoder

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = ("", "Embedding", "Ingest", "Search")


@dataclass(frozen=True, slots=True)
class Watched:
    """A running health service, and a client for it.

    Attributes:
        address: where health is served.
        models: the models that are watched.
        readiness: watches them and the store.
    """

    address: str
    models: ServedModels
    readiness: Readiness
    _stub: Any

    def watch(self, service: str) -> Any:
        """Return a stream of the states of a service."""
        return self._stub.Watch(health_pb2.HealthCheckRequest(service=service))

    async def states(self) -> dict[str, int]:
        """Return the status of each service."""
        return {
            service: (await self._stub.Check(health_pb2.HealthCheckRequest(service=service))).status
            for service in SERVICES
        }


@contextlib.asynccontextmanager
async def watched(
    store: InMemoryStore,
    *encoders: Encoder,
    hung_s: float = HUNG_S,
    sample_s: float = SAMPLE_S,
) -> AsyncIterator[Watched]:
    """Run a health service that checks store and models a thousand times a second."""
    server = grpc.aio.server()
    servicer = HealthService(SERVICES)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    models = ServedModels(encoders or [FakeEncoder()], Config())
    readiness = Readiness(
        store,
        ModelWatch(models, hung_s=hung_s, sample_s=sample_s),
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
        yield Watched(f"127.0.0.1:{port}", models, readiness, health_pb2_grpc.HealthStub(channel))
        await readiness.end()
    await server.stop(None)
    await models.close()
