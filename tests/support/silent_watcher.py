"""A health client that receives nothing: its HTTP/2 window is 0, which gRPC does not allow."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS = {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/grpc.health.v1.Health/Watch",
    ":authority": "localhost",
    "content-type": "application/grpc",
    "te": "trailers",
}
OF_HEADERS = 1
"""The frame type HEADERS (RFC 9113, 6.2)."""


@contextlib.asynccontextmanager
async def silent_watcher(address: str) -> AsyncIterator[None]:
    """Watch the whole server; during the block it is still writing the first state."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        # SETTINGS_INITIAL_WINDOW_SIZE: 0; the headers; END_STREAM, and an empty message.
        writer.write(PREFACE + _frame(4, 0, 0, b"\0\4\0\0\0\0"))
        writer.write(_frame(OF_HEADERS, 4, 1, _packed_headers()) + _frame(0, 1, 1, bytes(5)))
        while await _type_of_next(reader) != OF_HEADERS:
            pass
        yield
    finally:
        writer.close()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def _packed_headers() -> bytes:
    """Return the headers as literals, which need no table (RFC 7541, 6.2.2)."""
    return b"".join(b"\0" + _literal(name) + _literal(value) for name, value in HEADERS.items())


def _literal(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


async def _type_of_next(reader: asyncio.StreamReader) -> int:
    head = await reader.readexactly(9)
    await reader.readexactly(int.from_bytes(head[:3]))
    return head[3]
