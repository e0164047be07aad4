"""The asyncio client: each method builds a request, calls the stub and converts the answer.

The methods about the server and bulk ingestion are here, the others in `_async_*_methods.py`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import aclosing
from types import TracebackType
from typing import Self

from grpc_health.v1 import health_pb2

from tihua import _convert_server
from tihua._async_collection_methods import AsyncCollectionMethods
from tihua._async_connection import AsyncConnection
from tihua._async_embedding_methods import AsyncEmbeddingMethods
from tihua._async_item_methods import AsyncItemMethods
from tihua._async_search_methods import AsyncSearchMethods
from tihua._base_connection import Settings
from tihua._channel import DEFAULT_ADDRESS, DEFAULT_COLLECTION, DEFAULT_TIMEOUT_S
from tihua._convert_server import HEALTH_SERVICES
from tihua._ingest.async_driver import run_async_ingest
from tihua._ingest.session import IngestSession
from tihua._ingest.types import IngestProgress, IngestSummary, WriteMode
from tihua._reconnect import Reconnect
from tihua._server_types import ServerInfo
from tihua._tls import Tls
from tihua._types import Item
from tihua.errors import NotFoundError, TihuaError
from tihua.v1 import system_service_pb2

__all__ = ["AsyncClient"]


class AsyncClient(
    AsyncCollectionMethods, AsyncItemMethods, AsyncEmbeddingMethods, AsyncSearchMethods
):
    """A connection to a tihua server for asyncio, to be used in one event loop.

    It has the methods of `Client` as coroutines, with the same arguments, results and errors;
    `list_items` is an asynchronous iterator, and `ingest` also accepts asynchronous iterables.
    Picture files are read in a thread. Cancelling a task cancels its call.

    Nothing is sent before the first call, and the next call restores a lost connection.
    Use it in an `async with` block, or await `close()`. A client that has made a call can't be used
    after a fork. Close it before the fork: gRPC allows no new AsyncClient in the forked process
    otherwise.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        collection: str = DEFAULT_COLLECTION,
        timeout: float = DEFAULT_TIMEOUT_S,
        tls: bool | Tls = False,
        token: str = "",
        insecure: bool = False,
    ) -> None:
        """Prepare a connection, inside or outside an event loop; arguments as for `Client`."""
        self._connection = AsyncConnection(
            Settings(
                address=address,
                collection=collection,
                timeout=timeout,
                tls=tls,
                token=token,
                insecure=insecure,
            )
        )

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the client."""
        await self.close()

    async def close(self) -> None:
        """Close the connection; calls in flight fail. May be called again."""
        await self._connection.close()

    async def server_info(self, *, timeout: float | None = None) -> ServerInfo:
        """Return version, limits, models and store of the server."""
        request = system_service_pb2.GetServerInfoRequest()
        return _convert_server.server_info(
            await self._connection.call(self._connection.system.GetServerInfo, request, timeout)
        )

    async def health(self, *, timeout: float | None = None) -> dict[str, str]:
        """Return the health of each service, by name; the server as a whole has the name "".

        A server that refuses other calls still answers this one. Of several servers at the address,
        the first that can be reached is asked.

        Returns:
            "SERVING", "NOT_SERVING", or "SERVICE_UNKNOWN" if the server has no such service.
        """
        states = {}
        for service in HEALTH_SERVICES:
            request = health_pb2.HealthCheckRequest(service=service)
            try:
                response = await self._connection.call(
                    self._connection.check_health, request, timeout
                )
            except NotFoundError:
                states[service] = "SERVICE_UNKNOWN"
            else:
                states[service] = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
        return states

    async def ingest(
        self,
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        mode: WriteMode = "upsert",
        session_id: str | None = None,
        batch_size: int = 32,
        on_progress: Callable[[IngestProgress], None] | None = None,
        on_break: Callable[[TihuaError], None] | None = None,
        reconnect_timeout: float = 60.0,
        collection: str | None = None,
        model: str = "",
    ) -> IngestSummary:
        """Embed and write any number of items over one stream, and resume it if it breaks.

        Arguments and errors are those of `Client.ingest`.
        """
        started = time.monotonic()
        info = await self._reached(Reconnect(reconnect_timeout, on_break=on_break))
        session = IngestSession(
            info.limits,
            collection=self._connection.name(collection),
            mode=mode,
            session_id=session_id,
            batch_size=batch_size,
            model=model,
        )
        report = on_progress or (lambda _: None)
        reconnect = Reconnect(reconnect_timeout, on_break=on_break)
        async with aclosing(_aiter(items)) as source:
            await run_async_ingest(self._connection, session, source, report, reconnect)
        return IngestSummary(*session.totals, seconds=time.monotonic() - started)

    async def _reached(self, reconnect: Reconnect) -> ServerInfo:
        """Return the server's description; retry as `reconnect` allows."""
        while True:
            try:
                return await self.server_info()
            except TihuaError as error:
                self._connection.check_open()  # or it would be reported as a break that is retried
                await asyncio.sleep(reconnect.delay_after(error, 0))


async def _aiter(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncGenerator[Item, None]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
