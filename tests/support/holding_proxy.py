"""A slow network: a proxy that holds up what a client sends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class HoldingProxy:
    """Forwards one connection; holds back what the client sends beyond `after_bytes`.

    Attributes:
        address: where the client connects to.
        may_go_on: once set, the rest is forwarded.
    """

    def __init__(self, upstream: str, *, after_bytes: int) -> None:
        """Forward to the server at `upstream`."""
        self.address = ""
        self.may_go_on = asyncio.Event()
        self._upstream = upstream
        self._left_bytes = after_bytes

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward a connection until either end closes it."""
        host, _, port = self._upstream.rpartition(":")
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._upload(reader, up_writer))
                group.create_task(_pump(up_reader, writer))
        except* ConnectionError:
            pass

    async def _upload(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self._left_bytes and (content := await reader.read(self._left_bytes)):
            writer.write(content)
            self._left_bytes -= len(content)
        await self.may_go_on.wait()
        await _pump(reader, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(65_536):
        writer.write(content)
        await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def holding(upstream: str, *, after_bytes: int) -> AsyncIterator[HoldingProxy]:
    """Run a proxy."""
    proxy = HoldingProxy(upstream, after_bytes=after_bytes)
    server = await asyncio.start_server(proxy.forward, "127.0.0.1", 0)
    proxy.address = "{}:{}".format(*server.sockets[0].getsockname())
    async with server:
        yield proxy
