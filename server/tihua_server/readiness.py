"""Keeps grpc.health.v1 up to date: the store is asked regularly whether it answers.

A server that loses its store still embeds; the services that need the store, and with them the
server as a whole, are then NOT_SERVING, so that balancers and probes turn to another server. If the
store is full, searching still works, and only ingest is NOT_SERVING. Health is late by at most
`CHECK_INTERVAL_S` and one deadline of the store. To start, a server needs its store (`app.py`).
"""

import asyncio
from collections.abc import Collection

import structlog

from tihua_server.errors import ServiceError, StoreError, StoreFull
from tihua_server.health_service import STATES, HealthService
from tihua_server.vector_store import VectorStore

CHECK_INTERVAL_S = 2.0
"""From an answer of the store to the next question, in seconds."""

_log = structlog.get_logger("tihua")


class Readiness:
    """Asks the store how it is, and tells the health service what changed."""

    def __init__(
        self,
        store: VectorStore,
        servicer: HealthService,
        *,
        services: Collection[str],
        readers: Collection[str],
        writers: Collection[str],
        interval_s: float = CHECK_INTERVAL_S,
    ) -> None:
        """Take the store and who is to be told; nothing is said before `begin`.

        Args:
            store: is asked by `ping`, within its own deadline.
            servicer: of grpc.health.v1.
            services: names of all services; "" is the server as a whole.
            readers: of these, those that need the store; writers too.
            writers: of these, those that need it to have room.
            interval_s: from an answer to the next question, in seconds.
        """
        self._store = store
        self._servicer = servicer
        self._services = services
        self._readers = readers
        self._writers = writers
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Say that everything is served, and go on asking until `end`."""
        self._tell(failing=())
        self._task = asyncio.create_task(self._watch(), name="readiness")

    async def end(self) -> None:
        """Say that nothing is served any more, whatever the store does."""
        self._servicer.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        failing: Collection[str] = ()
        while True:
            await asyncio.sleep(self._interval_s)
            error = await self._error()
            if self._failing(error) == failing:
                continue
            failing = self._failing(error)
            if error is None:
                _log.info("store is well again")
            else:
                _log.warning("store in trouble", reason=error.reason, why=error.message)
            self._tell(failing=failing)

    async def _error(self) -> ServiceError | None:
        try:
            await self._store.ping()
        except ServiceError as error:
            return error
        except Exception as error:  # noqa: BLE001
            # A bug: without this task, health would say for ever what it said last.
            _log.error("bug", exc_info=error)
            return StoreError("it can't be asked; the log has the details")
        return None

    def _failing(self, error: ServiceError | None) -> Collection[str]:
        match error:
            case None:
                return ()
            case StoreFull():
                return self._writers
            case _:
                return self._readers

    def _tell(self, *, failing: Collection[str]) -> None:
        for service in self._services:
            state = STATES.NOT_SERVING if service in failing else STATES.SERVING
            self._servicer.tell(service, state)
