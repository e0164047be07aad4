"""Keeps grpc.health.v1 up to date: store and models are looked at regularly.

A server that loses its store still embeds; the services that need the store, and with them the
server as a whole, are then NOT_SERVING, so that balancers and probes turn to another server. If the
store is full, searching still works, and only ingest is NOT_SERVING.

While any of the models is in trouble, every service is NOT_SERVING. Replicas have the same models,
so another one does all that this one does and what it can't, and balancers that ask about one
service only, as our clients do about SystemService, must hear of it too.

Health is late by at most `CHECK_INTERVAL_S` and one deadline of the store, or of a sample
(`model_watch.py`). To start, a server needs its store (`app.py`).
"""

import asyncio
from collections.abc import Collection

import structlog

from tihua_server.errors import ServiceError, StoreError, StoreFull
from tihua_server.health_service import STATES, HealthService
from tihua_server.model_watch import ModelWatch
from tihua_server.vector_store import VectorStore

CHECK_INTERVAL_S = 2.0
"""From the end of a check to the next, in seconds."""

_log = structlog.get_logger("tihua")


class Readiness:
    """Asks how store and models are, and tells the health service what changed."""

    def __init__(
        self,
        store: VectorStore,
        models: ModelWatch,
        servicer: HealthService,
        *,
        services: Collection[str],
        readers: Collection[str],
        writers: Collection[str],
        interval_s: float = CHECK_INTERVAL_S,
    ) -> None:
        """Take store, models and who is to be told; nothing is said before `begin`.

        Args:
            store: is asked by `ping`, within its own deadline.
            models: are looked at; what is wrong with them is logged there.
            servicer: of grpc.health.v1.
            services: names of all services; "" is the server as a whole.
            readers: of these, those that need the store; writers too.
            writers: of these, those that need it to have room.
            interval_s: from the end of a check to the next, in seconds.
        """
        self._store = store
        self._models = models
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
        without_store: Collection[str] = ()
        while True:
            await asyncio.sleep(self._interval_s)
            # At the same time: a store that is slow to answer delays no news of the models.
            error, troubles = await asyncio.gather(self._error(), self._models.look())
            if self._failing(error) != without_store:
                without_store = self._failing(error)
                if error is None:
                    _log.info("store is well again")
                else:
                    _log.warning("store in trouble", reason=error.reason, why=error.message)
            before, failing = failing, self._services if troubles else without_store
            if failing != before:
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
