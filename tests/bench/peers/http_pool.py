"""A minimal HTTP/1.1 client with persistent connections.

Bytes in, bytes out, no chunks and no redirections. It costs less than any library, so that the
server is what is measured.
"""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from bench.contender import Refused


class HttpPool:
    """A pool with one connection to a server for each call in flight."""

    def __init__(self, host: str, port: int) -> None:
        """Connections are opened when calls need them."""
        self._host, self._port = host, port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        """Return the pool."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections that are idle."""
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def post(self, path: str, body: bytes) -> bytes:
        """Return the server's answer.

        Raises:
            Refused: the status is not 200.
            OSError: the server does not listen, or the connection broke.
            EOFError: the connection ended within an answer.
        """
        connection = (
            self._idle.pop()
            if self._idle
            else await asyncio.open_connection(self._host, self._port)
        )
        reader, writer = connection
        try:
            writer.write(
                f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
            )
            writer.write(body)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
            fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            answer = await reader.readexactly(int(fields["content-length"]))
        except BaseException:
            # Cancelled halfway, the connection holds the rest of an answer and can't be used again.
            writer.close()
            raise
        self._idle.append(connection)
        status = head[0].split()[1]
        if status != "200":
            raise Refused(f"{status}: {answer.decode(errors='replace')}")
        return answer
