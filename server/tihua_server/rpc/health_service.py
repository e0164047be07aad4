"""grpc.health.v1, all of it, for watchers of any kind.

gRPC's own servicer lacks List, and it writes to a watcher while it holds the lock that the next
change of that service's state needs: one client that does not read would block it for everybody.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

STATES = health_pb2.HealthCheckResponse


class HealthService(health_pb2_grpc.HealthServicer):
    """Check, Watch and List; `Readiness` sets the states. Belongs to one event loop."""

    def __init__(self, services: Iterable[str]) -> None:
        """Begin with every service NOT_SERVING; the name "" stands for the whole server."""
        self._states: dict[str, int] = dict.fromkeys(services, STATES.NOT_SERVING)
        self._has_changed = asyncio.Event()
        self._is_over = False

    def set_state(self, service: str, state: int) -> None:
        """Set a service's state, SERVING or NOT_SERVING of `STATES`; does nothing after `end`."""
        if not self._is_over:
            self._states[service] = state
            self._wake()

    def end(self) -> None:
        """Set every service to NOT_SERVING, permanently."""
        self._is_over = True
        self._states = dict.fromkeys(self._states, STATES.NOT_SERVING)
        self._wake()

    async def Check(self, request: Any, context: Any) -> Any:
        """Return the state of a service."""
        state = self._states.get(request.service)
        if state is None:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return STATES(status=state)

    async def Watch(self, request: Any, context: Any) -> None:
        """Send the state of a service, and again whenever it differs from the last one sent."""
        sent = None
        while True:
            # Taken before the state is read: what changes during the write is sent after it.
            has_changed = self._has_changed
            state = self._states.get(request.service, STATES.SERVICE_UNKNOWN)
            if state != sent:
                await context.write(STATES(status=state))
                sent = state
            await has_changed.wait()

    async def List(self, request: Any, context: Any) -> Any:
        """Return the state of every service."""
        states = {name: STATES(status=state) for name, state in self._states.items()}
        return cast("Any", health_pb2).HealthListResponse(statuses=states)

    def _wake(self) -> None:
        """Wake all watchers; from now on they wait for the next change."""
        self._has_changed.set()
        self._has_changed = asyncio.Event()
