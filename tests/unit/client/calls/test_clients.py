"""The two clients themselves: documented, made for an address, and closed."""

import asyncio
import contextlib
import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import tihua
from answering_server import MODEL, AnsweringServer, Call
from tihua.v1 import collection_service_pb2, system_service_pb2


def test_every_method_has_a_docstring() -> None:
    """The help of Python is the reference."""
    for client in (tihua.Client, tihua.AsyncClient):
        for name, method in inspect.getmembers(client, inspect.isfunction):
            assert inspect.getdoc(method), name


@pytest.mark.parametrize("address", ["", "localhost", "http://localhost:50051", "a:b:1", ":50051"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """Else a host of that name would be looked for, and not found."""
    for client in (tihua.Client, tihua.AsyncClient):
        with pytest.raises(tihua.InvalidRequestError, match="it must be host:port"):
            client(address)


@pytest.mark.parametrize("address", ["[::1]:50051", "10.0.0.1:1", "unix:/run/t.sock", "dns:///a:1"])
def test_grpcs_own_targets_are_addresses(address: str) -> None:
    """Whatever it can resolve."""
    tihua.Client(address).close()


def test_a_proxy_is_not_asked_for_this_machine(
    server: AnsweringServer, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even 127.0.0.1 would be sent through it."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    server.answer("CountItems", collection_service_pb2.CountItemsResponse(count=1))
    assert call("count_items") == 1


def test_a_closed_client_says_so(server: AnsweringServer) -> None:
    """And may be closed again."""
    client = tihua.Client(server.address)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        client.count_items()


async def test_a_closed_asyncio_client_says_so(server: AnsweringServer) -> None:
    """Whether or not it was ever used."""
    client = tihua.AsyncClient(server.address)
    await client.close()
    await client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        await client.count_items()


_FORKED = """
import asyncio
import os
import signal
import sys
from tihua import AsyncClient, Client

with Client(sys.argv[1]) as client:
    client.count_items()
    other = AsyncClient(sys.argv[1])
    asyncio.run(other.count_items())
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        for call in (client.count_items, lambda: asyncio.run(other.count_items())):
            try:
                call()
            except RuntimeError as error:
                print(error)
        with Client(sys.argv[1]) as own:
            print("counted", own.count_items())
        asyncio.run(other.close())
    else:
        _, status = os.waitpid(child, 0)
        client.count_items()
if child == 0:
    print("closed", flush=True)
    os._exit(0)
sys.exit(status)
"""

_FORKED_AFTER_CLOSING = """
import asyncio
import os
import signal
import sys
from tihua import AsyncClient

async def count():
    async with AsyncClient(sys.argv[1]) as client:
        return await client.count_items()

asyncio.run(count())
child = os.fork()
if child == 0:
    signal.alarm(30)
    print("counted", asyncio.run(count()), flush=True)
    os._exit(0)
_, status = os.waitpid(child, 0)
sys.exit(status)
"""


def output_of(script: str, server: AnsweringServer) -> list[str]:
    """Run a script with the address of a server that counts one item; return what it prints."""
    server.answer("CountItems", collection_service_pb2.CountItemsResponse(count=1))
    command = [sys.executable, "-c", script, server.address]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return result.stdout.splitlines()


def test_a_client_that_is_used_after_a_fork_says_so(server: AnsweringServer) -> None:
    """A forked process has the channel without gRPC's threads; a new Client works there."""
    refused, refused_too, counted, closed = output_of(_FORKED, server)
    assert "make a client in each process" in refused
    assert "close it before the fork" in refused_too
    assert (counted, closed) == ("counted 1", "closed")


def test_a_new_asyncio_client_works_after_a_fork_if_none_was_open(server: AnsweringServer) -> None:
    """With one that was open, gRPC's own state of asyncio is broken."""
    assert output_of(_FORKED_AFTER_CLOSING, server) == ["counted 1"]


@contextlib.contextmanager
def closed_at_call(server: AnsweringServer, method: str) -> Iterator[tihua.Client]:
    """Yield a client that another thread closes while a call of that method is in flight."""
    has_come = server.hang(method)
    client = tihua.Client(server.address)

    def close() -> None:
        has_come.wait(60)
        client.close()

    closing = threading.Thread(target=close)
    closing.start()
    yield client
    closing.join()


def test_closing_the_blocking_client_fails_its_calls(server: AnsweringServer) -> None:
    """Another thread may close it."""
    with (
        closed_at_call(server, "CountItems") as client,
        pytest.raises(tihua.UnavailableError, match="closed") as failed,
    ):
        client.count_items()
    assert failed.value.code == "CANCELLED"
    assert not failed.value.may_pass


async def test_closing_the_asyncio_client_fails_its_calls(server: AnsweringServer) -> None:
    """As calls of the blocking one; the tasks that wait for them were not cancelled."""
    has_come = server.hang("CountItems")
    client = tihua.AsyncClient(server.address)
    counting = asyncio.create_task(client.count_items())
    assert await asyncio.to_thread(has_come.wait, 60)
    await client.close()
    with pytest.raises(tihua.UnavailableError, match="closed") as failed:
        await counting
    assert failed.value.code == "CANCELLED"
    assert not failed.value.may_pass


async def test_a_task_that_is_cancelled_is_cancelled(server: AnsweringServer) -> None:
    """Whether or not the client is closed with it."""
    has_come = server.hang("CountItems")
    client = tihua.AsyncClient(server.address)
    counting = asyncio.create_task(client.count_items())
    await asyncio.to_thread(has_come.wait)
    counting.cancel()
    await client.close()
    with pytest.raises(asyncio.CancelledError):
        await counting


def test_an_asyncio_client_may_be_made_outside_of_a_loop(server: AnsweringServer) -> None:
    """Its channel belongs to the loop of its first call."""
    server.answer("CountItems", collection_service_pb2.CountItemsResponse(count=7))
    client = tihua.AsyncClient(server.address)

    async def count() -> int:
        async with client:
            return await client.count_items()

    assert asyncio.run(count()) == 7


def test_closing_the_blocking_client_ends_a_copy(server: AnsweringServer) -> None:
    """No break is reported, because nothing will be retried."""
    pictures = collection_service_pb2.Collection(name="pictures", model=MODEL)
    model = system_service_pb2.ModelInfo(ref=MODEL)
    server.answer(
        "GetCollection", collection_service_pb2.GetCollectionResponse(collection=pictures)
    )
    server.answer("GetServerInfo", system_service_pb2.GetServerInfoResponse(models=[model]))
    breaks: list[tihua.TihuaError] = []
    with (
        closed_at_call(server, "CreateCollection") as client,
        pytest.raises(tihua.UnavailableError, match="closed"),
    ):
        tihua.copy_collection(client, client, "pictures", on_break=breaks.append)
    assert breaks == []


def test_closing_the_blocking_client_ends_an_ingest_that_begins(server: AnsweringServer) -> None:
    """No break is reported, because nothing will be retried."""
    breaks: list[tihua.TihuaError] = []
    with (
        closed_at_call(server, "GetServerInfo") as client,
        pytest.raises(RuntimeError, match="this client is closed"),
    ):
        client.ingest([], on_break=breaks.append)
    assert breaks == []


async def test_closing_the_asyncio_client_ends_an_ingest_that_begins(
    server: AnsweringServer,
) -> None:
    """As with the blocking one."""
    has_come = server.hang("GetServerInfo")
    client = tihua.AsyncClient(server.address)
    breaks: list[tihua.TihuaError] = []
    task = asyncio.create_task(client.ingest([], on_break=breaks.append))
    await asyncio.to_thread(has_come.wait, 60)
    await client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        await task
    assert breaks == []
