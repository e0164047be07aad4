"""A real gRPC server on a thread of its own, for clients that block."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeAlias

import pytest
from grpc import aio

Serve: TypeAlias = Callable[[Callable[[aio.Server], None]], str]


class _ServerThread:
    """Servers in an event loop of their own."""

    def __init__(self) -> None:
        loop: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="test server")
        self._thread.start()
        self._loop = loop.result()
        self._servers: list[aio.Server] = []

    @staticmethod
    def _run(started: "Future[asyncio.AbstractEventLoop]") -> None:
        # The runner ends the handlers that still run when the loop stops: one that is collected
        # with a call pending, on another thread, would leave gRPC's core with its freed memory.
        with asyncio.Runner() as runner:
            loop = runner.get_loop()
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

    async def _stop(self) -> None:
        for server in self._servers:
            await server.stop(grace=None)

    def stop(self) -> None:
        """Stop the servers, the loop and the thread."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server: give it a function that adds servicers, get its address."""
    thread = _ServerThread()
    yield thread.serve
    thread.stop()
