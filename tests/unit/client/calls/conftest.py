"""A server that answers what it is told, and each of the two clients to call it."""

import asyncio

import pytest
import tihua
from answering_server import AnsweringServer, Call
from server_thread import Serve


@pytest.fixture
def server(serve: Serve) -> AnsweringServer:
    """A server that answers what it is told."""
    return AnsweringServer(serve)


@pytest.fixture(params=["blocking", "asyncio"])
def call(request: pytest.FixtureRequest, server: AnsweringServer) -> Call:
    """Call a method of each of the two clients; iterators are read to their end."""

    def blocking(method: str, *args: object, **kwargs: object) -> object:
        with tihua.Client(server.address, collection="mine", timeout=20.0) as client:
            result = getattr(client, method)(*args, **kwargs)
            return list(result) if method == "list_items" else result

    async def awaited(method: str, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        async with tihua.AsyncClient(server.address, collection="mine", timeout=20.0) as client:
            result = getattr(client, method)(*args, **kwargs)
            return [item async for item in result] if method == "list_items" else await result

    if request.param == "blocking":
        return blocking
    return lambda method, *args, **kwargs: asyncio.run(awaited(method, args, kwargs))
