"""A real gRPC server on a separate thread, for clients that block."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias

from grpc import aio

Serve: TypeAlias = Callable[[Callable[[aio.Server], None]], str]
"""Starts a server with what a function adds to it, and returns its address."""


class ServerThread:
    """Runs servers in a separate event loop for the whole session.

    This also keeps gRPC's runtime alive: it would end with the last of its objects, in whichever
    thread happens to collect that object, and start again with the next test.
    """

    def __init__(self) -> None:
        """Start the thread."""
        loop: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="test server")
        self._thread.start()
        self._loop = loop.result()
        self._servers: list[aio.Server] = []

    @staticmethod
    def _run(started: "Future[asyncio.AbstractEventLoop]") -> None:
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
            loop.call_soon(aio.init_grpc_aio)
            started.set_result(loop)
            loop.run_forever()

    def serve(self, register: Callable[[aio.Server], None]) -> str:
        """Start a server with what `register` adds to it; return its address."""
        return asyncio.run_coroutine_threadsafe(self._start(register), self._loop).result()

    async def _start(self, register: Callable[[aio.Server], None]) -> str:
        server = aio.server()
        register(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self._servers.append(server)
        return f"127.0.0.1:{port}"

    def stop_servers(self) -> None:
        """Stop the servers, and cancel the handlers that are still running."""
        asyncio.run_coroutine_threadsafe(self._stop_servers(), self._loop).result()

    async def _stop_servers(self) -> None:
        while self._servers:
            await self._servers.pop().stop(grace=None)

    def stop(self) -> None:
        """Stop the loop and the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
