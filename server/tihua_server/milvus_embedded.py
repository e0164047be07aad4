"""Milvus Lite in this process: opening its directory, and keeping its searches fast.

Lite is a gRPC server in threads of this process, on a free port of the loopback interface, as
`pymilvus.MilvusClient("…/milvus.db")` starts it; starting it ourselves tells why it does not start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from milvus_lite.adapter.grpc.server import start_server_in_thread
from milvus_lite.exceptions import DataDirLockedError, MilvusLiteError

from tihua_server.errors import ServiceError, StoreUnavailable

MAX_UNFLUSHED_ROWS = 2_048
"""Lite compares a query with each unflushed row in Python, some 50 ms per 1 000 rows of 512."""

MIN_IDLE_ROWS = 64
"""Rows that are worth a file of their own once writing has paused."""

IDLE_S = 1.0
"""The pause, in seconds."""

_log = logging.getLogger(__name__)


class EmbeddedMilvus:
    """A Milvus Lite server on a directory, which no other process may have open.

    Attributes:
        uri: where it listens.
    """

    def __init__(self, directory: Path) -> None:
        """Start it; the directory is made if it is missing.

        Raises:
            StoreUnavailable: another process has the directory open, or it can't be read.
        """
        try:
            self._server, self._database, port = start_server_in_thread(str(directory.absolute()))
        except DataDirLockedError as error:
            raise StoreUnavailable(
                "the data directory is open in another process, and Milvus Lite allows one: stop "
                "the other, or choose another --data-dir, or a Milvus server with --milvus-uri"
            ) from error
        except (OSError, MilvusLiteError) as error:
            raise StoreUnavailable(
                f"the data directory can't be opened ({type(error).__name__}): "
                "see that it is a directory that this user may write to"
            ) from error
        self.uri = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Flush every collection and unlock the directory."""
        server: Any = self._server
        server.stop(grace=2).wait()
        self._database.close()


class Flusher:
    """Has a collection's rows flushed when many have gathered, or some and writing has paused.

    To be used from one event loop.
    """

    def __init__(self, flush: Callable[[str], Awaitable[None]]) -> None:
        self._flush = flush
        self._unflushed: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def wrote(self, name: str, rows: int) -> None:
        """Take notice of rows written; flush when too many have gathered."""
        rows += self._take(name)
        if rows >= MAX_UNFLUSHED_ROWS:
            await self._flush(name)
            return
        self._unflushed[name] = rows
        if rows >= MIN_IDLE_ROWS:
            loop = asyncio.get_running_loop()
            self._timers[name] = loop.call_later(IDLE_S, self._paused, name)

    async def close(self) -> None:
        """Stop all clocks and wait for what has begun; `EmbeddedMilvus.stop` flushes the rest."""
        for name in list(self._unflushed):
            self._take(name)
        await asyncio.gather(*self._tasks)

    def _take(self, name: str) -> int:
        """Return the rows that are not flushed, and stop the clock."""
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
            # Nothing is lost: the rows are in Lite's log, and searches find them, only slower.
            _log.warning("collection %s was not flushed: %s", name, error.message)
