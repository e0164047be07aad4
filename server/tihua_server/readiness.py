"""What grpc.health.v1 says, kept true: whether the store answers is asked again and again.

A server whose store is gone still embeds; what needs the store, and with it the server as a whole,
is then NOT_SERVING, so that balancers and probes turn to another. Health says it at most
`CHECK_INTERVAL_S` and one deadline of the store late, and calls no later than they did.
"""

import asyncio
from collections.abc import Collection
from time import monotonic

import structlog
from grpc_health.v1 import health, health_pb2

from tihua_server.errors import ServiceError
from tihua_server.types import VectorStore

CHECK_INTERVAL_S = 2.0
"""From an answer of the store to the next question, in seconds."""

_log = structlog.get_logger("tihua")


class Readiness:
    """Asks the store how it is, and tells the health service what changed."""

    def __init__(
        self,
        store: VectorStore,
        servicer: health.aio.HealthServicer,
        *,
        dependent: Collection[str],
        independent: Collection[str],
        interval_s: float = CHECK_INTERVAL_S,
    ) -> None:
        """Take the store and who is to be told; nothing is said before `begin`.

        Args:
            store: is asked by `ping`, within its own deadline.
            servicer: of grpc.health.v1.
            dependent: names of the services that need the store; "" is the server as a whole.
            independent: names of those that don't.
            interval_s: from an answer to the next question, in seconds.
        """
        self._store = store
        self._servicer = servicer
        self._dependent = dependent
        self._independent = independent
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Say that everything is served, and go on asking until `end`."""
        await self._tell((*self._dependent, *self._independent), is_serving=True)
        self._task = asyncio.create_task(self._watch(), name="readiness")

    async def end(self) -> None:
        """Say that nothing is served any more, whatever the store does."""
        await self._servicer.enter_graceful_shutdown()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        failing_since: float | None = None
        while True:
            await asyncio.sleep(self._interval_s)
            asked_at = monotonic()
            try:
                await self._store.ping()
            except ServiceError as error:
                if failing_since is None:
                    failing_since = asked_at
                    _log.warning("store lost", reason=error.reason, why=error.message)
                    await self._tell(self._dependent, is_serving=False)
            else:
                if failing_since is not None:
                    _log.info("store back", after_s=round(monotonic() - failing_since, 1))
                    failing_since = None
                    await self._tell(self._dependent, is_serving=True)

    async def _tell(self, services: Collection[str], *, is_serving: bool) -> None:
        states = health_pb2.HealthCheckResponse
        state = states.SERVING if is_serving else states.NOT_SERVING
        for service in services:
            await self._servicer.set(service, state)
