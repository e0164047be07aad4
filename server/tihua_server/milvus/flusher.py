"""When the rows of an embedded store are flushed: Milvus Lite searches unflushed ones slowly."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from tihua_server.errors import ServiceError

MAX_UNFLUSHED_ROWS = 2_048
"""Lite compares a query with each unflushed row in Python, some 50 ms per 1 000 rows of 512."""

MIN_IDLE_ROWS = 64
"""Rows that are worth a file of their own once writing has paused."""

IDLE_S = 1.0
"""The pause, in seconds."""

_log = structlog.get_logger("tihua")


class Flusher:
    """Flushes a collection when it has many unflushed rows, or some and writing has paused.

    To be used from one event loop.
    """

    def __init__(self, flush: Callable[[str], Awaitable[None]]) -> None:
        self._flush = flush
        self._unflushed: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def flush_many(self, name: str) -> None:
        """Flush a collection if too many of its rows are unflushed."""
        if self._unflushed.get(name, 0) >= MAX_UNFLUSHED_ROWS:
            self._take(name)
            await self._flush(name)

    def wrote(self, name: str, rows: int) -> None:
        """Count rows that were written, perhaps by a call that was given up."""
        rows += self._take(name)
        self._unflushed[name] = rows
        if rows >= MIN_IDLE_ROWS:
            loop = asyncio.get_running_loop()
            self._timers[name] = loop.call_later(IDLE_S, self._paused, name)

    async def close(self) -> None:
        """Cancel all timers, and wait for no flush: the disk may hang.

        A flush that has begun continues in its thread; `LiteServer.stop` flushes the rest.
        """
        for name in list(self._unflushed):
            self._take(name)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, name: str) -> int:
        """Return the number of unflushed rows, and cancel the timer."""
        if timer := self._timers.pop(name, None):
            timer.cancel()
        return self._unflushed.pop(name, 0)

    def _paused(self, name: str) -> None:
        self._take(name)
        task = asyncio.get_running_loop().create_task(self._flush_quietly(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush_quietly(self, name: str) -> None:
        try:
            await self._flush(name)
        except ServiceError as error:
            # The rows are in Lite's log, and searches find them, only slower.
            _log.warning("collection not flushed", collection=name, why=error.message)
