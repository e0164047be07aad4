"""Keeps grpc.health.v1 up to date by checking store and models regularly.

A server that loses its store still embeds; the services that need the store, and with them the
server as a whole, are then NOT_SERVING, so that balancers and probes turn to another server. If the
store is full, searching still works, and only ingest is NOT_SERVING.

While any model is in trouble, every service is NOT_SERVING. Replicas have the same models, so
another one can do what this one still can, and the rest too. And balancers that watch a single
service, as our clients watch SystemService, must see the trouble as well.

Store and models are checked in separate tasks, so that neither delays the other. Health is late by
at most `CHECK_INTERVAL_S` and one deadline, of the store or of a sample (`model_watch.py`). To
start, a server needs its store (`app.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog

from tihua_server.errors import ServiceError, StoreError, StoreFull
from tihua_server.model_watch import ModelWatch
from tihua_server.recurring import RecurringErrors
from tihua_server.rpc.health_service import STATES, HealthService
from tihua_server.vector_store import VectorStore

CHECK_INTERVAL_S = 2.0
"""From the end of a check to the next, in seconds."""

_log = structlog.get_logger("tihua")


class Readiness:
    """Checks store and models, and reports changes to the health service."""

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
        """Prepare the checks; nothing is reported before `begin`.

        Args:
            store: checked with `ping`, within its own deadline.
            models: checked with `look`, which logs what is wrong with them.
            servicer: of grpc.health.v1.
            services: names of all services; "" is the server as a whole.
            readers: those of them that need the store, the writers included.
            writers: those of them that need room in it.
            interval_s: from the end of a check to the next, in seconds.
        """
        self._store = store
        self._models = models
        self._servicer = servicer
        self._services = services
        self._readers = readers
        self._writers = writers
        self._interval_s = interval_s
        self._without_store: Collection[str] = ()
        self._is_model_in_trouble = False
        self._bugs = RecurringErrors("bug")
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Report everything as SERVING, and keep checking until `end`."""
        self._report()
        for look in (self._look_at_store, self._look_at_models):
            self._tasks.append(asyncio.create_task(self._repeat(look), name="readiness"))

    async def end(self) -> None:
        """Report everything as NOT_SERVING, and stop checking, without waiting for the store."""
        self._servicer.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def is_store_away(self) -> bool:
        """Return whether the last look found that the store can't be read; a full one can."""
        return self._without_store == self._readers

    async def _repeat(self, look: Callable[[], Awaitable[None]]) -> None:
        bugs = RecurringErrors("bug")
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                await look()
            except Exception as error:  # noqa: BLE001
                # Should this task end, health would never change again.
                bugs.log(error)
            else:
                bugs.succeeded()

    async def _look_at_store(self) -> None:
        error = await self._error()
        failing = self._failing(error)
        if failing == self._without_store:
            return
        self._without_store = failing
        if error is None:
            _log.info("store is well again")
        else:
            _log.warning("store in trouble", reason=error.reason, why=error.message)
        self._report()

    async def _look_at_models(self) -> None:
        is_in_trouble = bool(await self._models.look())
        if is_in_trouble != self._is_model_in_trouble:
            self._is_model_in_trouble = is_in_trouble
            self._report()

    async def _error(self) -> ServiceError | None:
        try:
            await self._store.ping()
        except ServiceError as error:
            return error
        except Exception as error:  # noqa: BLE001
            self._bugs.log(error)
            return StoreError("it can't be asked; the log has the details")
        self._bugs.succeeded()
        return None

    def _failing(self, error: ServiceError | None) -> Collection[str]:
        match error:
            case None:
                return ()
            case StoreFull():
                return self._writers
            case _:
                return self._readers

    def _report(self) -> None:
        failing = self._services if self._is_model_in_trouble else self._without_store
        for service in self._services:
            state = STATES.NOT_SERVING if service in failing else STATES.SERVING
            self._servicer.set_state(service, state)
