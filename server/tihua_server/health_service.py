"""grpc.health.v1, all of it: gRPC's own servicer has no List, which its generated code has."""

from collections.abc import Iterable
from typing import Any, cast

from grpc_health.v1 import health, health_pb2


class HealthService(health.aio.HealthServicer):
    """Check, Watch and List; `Readiness` says what they tell."""

    def __init__(self, services: Iterable[str]) -> None:
        """Take the names of the services that there are, "" for the server as a whole."""
        super().__init__()
        self._services = tuple(services)

    async def List(self, request: Any, context: Any) -> Any:
        """Return the status of every service, as Check tells it."""
        states = {
            name: await self.Check(health_pb2.HealthCheckRequest(service=name), context)
            for name in self._services
        }
        return cast("Any", health_pb2).HealthListResponse(statuses=states)
