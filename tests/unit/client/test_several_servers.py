"""One client and several servers: balanced, by health, tried again, waited for."""

# ruff: noqa: N802 - the names of methods are the contract's

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import tihua
from google.protobuf.message import Message
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from refusals import retry_info, status_with
from server_thread import Serve
from tihua._channel import SERVICE_CONFIG
from tihua.v1 import system_service_pb2, system_service_pb2_grpc

PUBLISHED = Path(__file__).parents[3] / "protos" / "service_config.json"
SERVICE = "tihua.v1.SystemService"


class Server(system_service_pb2_grpc.SystemServiceServicer):
    """Says its name as its version, if it does not refuse."""

    def __init__(self, name: str, *refusals: grpc.StatusCode, retry_after_s: float = 0.01) -> None:
        """Take the name, and the statuses of the first calls."""
        self.name = name
        self.refusals = list(refusals)
        self.health = health.aio.HealthServicer()
        self._retry_after_s = retry_after_s

    def register(self, server: aio.Server) -> None:
        """Add the services to a server, in its loop."""
        self._loop = asyncio.get_running_loop()
        system_service_pb2_grpc.add_SystemServiceServicer_to_server(self, server)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)

    def say(self, *, is_serving: bool) -> None:
        """Tell those who watch."""
        states = health_pb2.HealthCheckResponse
        state = states.SERVING if is_serving else states.NOT_SERVING
        asyncio.run_coroutine_threadsafe(self.health.set(SERVICE, state), self._loop).result()

    async def GetServerInfo(
        self,
        request: system_service_pb2.GetServerInfoRequest,
        context: "aio.ServicerContext[Message, Message]",
    ) -> system_service_pb2.GetServerInfoResponse:
        """Answer, or refuse."""
        if self.refusals:
            code = self.refusals.pop(0)
            status = status_with(code, "full", retry_info(self._retry_after_s))
            details = (("grpc-status-details-bin", status.SerializeToString()),)
            await context.abort(code, "full", trailing_metadata=details)
        return system_service_pb2.GetServerInfoResponse(version=self.name)


def serving(serve: Serve, *servers: Server) -> str:
    """Start servers that say that they serve; return the one address of all."""
    ports = []
    for server in servers:
        ports.append(serve(server.register))
        server.say(is_serving=True)
    return f"ipv4:{','.join(ports)}"


@pytest.fixture(params=["blocking", "asyncio"])
def ask(request: pytest.FixtureRequest) -> Callable[..., str]:
    """Ask a server for its version by each of the two clients."""

    async def ask_async(address: str, timeout: float) -> str:
        async with tihua.AsyncClient(address) as client:
            return (await client.server_info(timeout=timeout)).version

    def ask_once(address: str, timeout: float = 10.0) -> str:
        if request.param == "asyncio":
            return asyncio.run(ask_async(address, timeout))
        with tihua.Client(address) as client:
            return client.server_info(timeout=timeout).version

    return ask_once


@pytest.fixture(params=["blocking", "asyncio"])
def ask_health(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Ask a server how it is by each of the two clients."""

    async def ask_async(address: str) -> str:
        async with tihua.AsyncClient(address) as client:
            return (await client.health())[SERVICE]

    def ask_once(address: str) -> str:
        if request.param == "asyncio":
            return asyncio.run(ask_async(address))
        with tihua.Client(address) as client:
            return client.health()[SERVICE]

    return ask_once


def asked(client: tihua.Client, times: int = 20) -> Counter[str]:
    """Return how many of some calls each server answered."""
    return Counter(client.server_info().version for _ in range(times))


def test_what_grpc_does_by_itself_is_published_for_other_languages() -> None:
    """The file beside the protos is what this client tells gRPC."""
    assert json.loads(PUBLISHED.read_text()) == json.loads(SERVICE_CONFIG)


def test_every_server_gets_its_share(serve: Serve) -> None:
    """Two addresses in one: calls go round."""
    with tihua.Client(serving(serve, Server("a"), Server("b"))) as client:
        while len(asked(client)) < 2:  # until it is connected to both
            pass
        assert asked(client) == {"a": 10, "b": 10}


def test_a_server_that_says_that_it_does_not_serve_gets_no_calls(serve: Serve) -> None:
    """It is left alone before it is gone, and gets its share again when it is well."""
    a, b = Server("a"), Server("b")
    with tihua.Client(serving(serve, a, b)) as client:
        while len(asked(client)) < 2:
            pass
        a.say(is_serving=False)
        while "a" in asked(client):
            pass
        assert asked(client) == {"b": 20}
        a.say(is_serving=True)
        while len(asked(client)) < 2:
            pass


def test_a_server_that_is_not_ready_is_told_from_one_that_is_not_there(serve: Serve) -> None:
    """The sentence says that waiting helps."""
    server = Server("a")
    address = serving(serve, server)
    server.say(is_serving=False)
    with (
        tihua.Client(address) as client,
        pytest.raises(tihua.UnavailableError, match=r"is starting, shutting down .*; try again"),
    ):
        client.server_info()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_takes_no_calls_says_so_when_asked_for_its_health(
    serve: Serve, ask_health: Callable[[str], str], host: str
) -> None:
    """Even where its name has a second address at which nothing listens."""
    server = Server("a")
    address = serve(server.register)
    server.say(is_serving=False)
    assert ask_health(address.replace("127.0.0.1", host)) == "NOT_SERVING"


def test_a_call_that_finds_no_server_is_tried_at_the_next(
    serve: Serve, ask: Callable[..., str]
) -> None:
    """UNAVAILABLE, by gRPC's own retries."""
    a = Server("a", *[grpc.StatusCode.UNAVAILABLE] * 3)
    assert ask(serving(serve, a)) == "a"
    assert a.refusals == []


def test_a_server_that_is_full_is_asked_again(serve: Serve, ask: Callable[..., str]) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo, after as long as it says."""
    a = Server("a", *[grpc.StatusCode.RESOURCE_EXHAUSTED] * 3)
    assert ask(serving(serve, a)) == "a"
    assert a.refusals == []


def test_a_server_that_stays_full_is_told(serve: Serve, ask: Callable[..., str]) -> None:
    """After four attempts."""
    a = Server("a", *[grpc.StatusCode.RESOURCE_EXHAUSTED] * 9)
    with pytest.raises(tihua.OverloadedError):
        ask(serving(serve, a))
    assert len(a.refusals) == 5


def test_nobody_waits_for_a_full_server_beyond_the_timeout(
    serve: Serve, ask: Callable[..., str]
) -> None:
    """Who has half a minute and is told to come back in a whole one hears so at once."""
    a = Server("a", grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after_s=60.0)
    with pytest.raises(tihua.OverloadedError) as refused:
        ask(serving(serve, a), timeout=30.0)
    assert refused.value.retry_after == 60
