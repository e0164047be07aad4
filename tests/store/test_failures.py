"""A store that is away, frozen, restarted, taken or closed."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cutting_proxy import cutting
from free_port import free_port
from tihua_server.collection import CollectionSpec
from tihua_server.deadline import set_deadline
from tihua_server.errors import CollectionNotReady, ConfigError, StoreUnavailable
from tihua_server.item import Item
from tihua_server.milvus.connection import CALLS_AT_ONCE
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Filter, SearchParams
from tihua_server.types import FloatArray
from tihua_server.vector_store import VectorStore

Spec = Callable[..., CollectionSpec]


@contextmanager
def lite_server(directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run Milvus Lite as a server of its own; it can be killed as a Milvus can."""
    command = [sys.executable, "-m", "milvus_lite", "server"]
    process = subprocess.Popen(
        [*command, "--data-dir", str(directory), "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def connect(process: subprocess.Popen[bytes], port: int, timeout_s: float = 2.0) -> Milvus:
    """Connect to a server that may still be starting."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await Milvus.open(f"http://127.0.0.1:{port}", timeout_s=timeout_s)
            except StoreUnavailable:
                assert process.poll() is None, "the server has ended"
                await asyncio.sleep(0.05)


async def freeze(process: subprocess.Popen[bytes]) -> None:
    """Stop all threads of a server: its connections stay open, and nothing is answered."""
    process.send_signal(signal.SIGSTOP)
    await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


@pytest.fixture
def port() -> int:
    """Return a port that nobody listens on."""
    return free_port()


async def test_a_refused_connection_is_reported_at_once(port: int) -> None:
    """Waiting for the deadline would be of no use."""
    start = time.monotonic()

    with pytest.raises(StoreUnavailable) as caught:
        await Milvus.open(f"http://root:geheim@127.0.0.1:{port}", timeout_s=30.0)

    assert caught.value.message.startswith(f"--milvus-uri 127.0.0.1:{port}: Milvus does not answer")
    assert time.monotonic() - start < 10


async def test_a_silent_server_is_given_up_at_the_deadline() -> None:
    """A server that accepts connections and never answers delays nobody for long."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        start = time.monotonic()

        with pytest.raises(StoreUnavailable, match="does not answer"):
            await Milvus.open(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.5)

        assert time.monotonic() - start < 5


async def test_an_address_of_another_kind_is_refused() -> None:
    """The error names the schemes that there are."""
    with pytest.raises(ConfigError, match="http://"):
        await Milvus.open("ftp://127.0.0.1:1")
    with pytest.raises(ConfigError, match="http://"):
        await Milvus.open("localhost:19530")


async def test_a_proxy_does_not_come_between(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded store is reached where the environment sends all traffic to a dead proxy."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")

    store = await Milvus.open(tmp_path / "milvus")

    assert await store.names() == []
    await store.close()


async def test_a_directory_is_open_once(lite: Milvus, tmp_path: Path) -> None:
    """The error of the second opener says what to do, in one line; the first works on."""
    with pytest.raises(StoreUnavailable, match=r"open in another process.*--data-dir") as caught:
        await Milvus.open(tmp_path / "milvus")

    assert "\n" not in caught.value.message
    assert await lite.names() == []


async def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """A path that can't hold a store is named, with the user who would have to be let in."""
    (tmp_path / "milvus").write_text("")

    told = rf"{tmp_path}/milvus can't be opened .* user {os.getuid()} may write to"
    with pytest.raises(StoreUnavailable, match=told):
        await Milvus.open(tmp_path / "milvus")


async def test_a_directory_that_is_gone_is_named(
    lite: Milvus, spec: Spec, embeddings: FloatArray, tmp_path: Path
) -> None:
    """It is a fault of the operator and not a bug; once it is back, so is the store."""
    created = spec()
    await lite.create(created)
    directory = tmp_path / "milvus"
    directory.rename(tmp_path / "elsewhere")

    for call in (lite.upsert(created.name, [Item("a", embeddings[0])]), lite.ping()):
        with pytest.raises(StoreUnavailable, match=r"can't be read \(No such file or directory\)"):
            await call

    (tmp_path / "elsewhere").rename(directory)
    await lite.upsert(created.name, [Item("a", embeddings[0])])
    await lite.ping()
    assert await lite.count(created.name, Filter()) == 1


async def test_a_disk_that_hangs_holds_up_nobody_else(
    tmp_path: Path, spec: Spec, embeddings: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing and health are given up at the deadline; the event loop and searches go on."""
    store = await Milvus.open(tmp_path / "milvus", timeout_s=1.5)
    created = spec()
    await store.create(created)
    is_over = threading.Event()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: is_over.wait(60))

    calls = [store.upsert(created.name, [Item("a", embeddings[0])]), store.ping()]
    waiting = [asyncio.create_task(call) for call in calls]
    try:
        assert await store.search(created.name, embeddings[:1], SearchParams(1)) == [[]]
        for task in waiting:
            with pytest.raises(StoreUnavailable, match=r"\(no answer within 1\.5 s\)"):
                await task
        await store.close()
    finally:
        is_over.set()


async def test_a_closed_store_says_so(tmp_path: Path, spec: Spec, embeddings: FloatArray) -> None:
    """Closing twice is fine; calling is not."""
    created = spec()
    store = await Milvus.open(tmp_path / "milvus")
    await store.create(created)
    await store.spec(created.name)
    await store.close()
    await store.close()

    for call in (store.names(), store.upsert(created.name, [Item("a", embeddings[0])])):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call


async def test_a_store_answers_its_ping(store: VectorStore) -> None:
    """A store that runs is up."""
    await store.ping()
    assert store.kind


async def test_a_restarted_server_is_found_again(
    tmp_path: Path, port: int, spec: Spec, embeddings: FloatArray
) -> None:
    """While it is away every call says so; after that the same store goes on, with its items."""
    created = spec()
    with lite_server(tmp_path, port) as process:
        store = await connect(process, port)
        await store.create(created)
        await store.upsert(created.name, [Item("a", embeddings[0])])

    for call in (store.ping(), store.names(), store.count(created.name, Filter())):
        with pytest.raises(StoreUnavailable):
            await call

    with lite_server(tmp_path, port) as process:
        await (await connect(process, port)).close()
        assert await store.names() == [created.name]
        assert await store.count(created.name, Filter()) == 1
        await store.close()


async def test_a_frozen_server_is_given_up_at_the_deadline(
    tmp_path: Path, port: int, spec: Spec
) -> None:
    """A server that stops in the middle of its work keeps a call no longer than the deadline."""
    created = spec()
    with lite_server(tmp_path, port) as process:
        store = await connect(process, port, timeout_s=0.5)
        await freeze(process)
        start = time.monotonic()

        for call in (store.ping(), store.names(), store.create(created)):
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await call

        assert time.monotonic() - start < 10
        process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(60):  # first it works off what it was asked meanwhile
            while True:
                with contextlib.suppress(StoreUnavailable):
                    assert set(await store.names()) <= {created.name}
                    break
                await asyncio.sleep(0.05)
        await store.close()


@pytest.mark.milvus
async def test_a_collection_that_milvus_loads_again_is_unavailable_and_not_released(
    tmp_path: Path, spec: Spec, embeddings: FloatArray
) -> None:
    """After a kill it comes back by itself: whoever asks meanwhile is to try again."""
    pytest.importorskip("milvus", reason="`make test-milvus` installs Milvus and runs this")
    from milvus_server import running_milvus

    created = spec()
    with running_milvus(tmp_path) as server:
        store = await Milvus.open(server.uri)
        await store.create(created)
        await store.upsert(created.name, [Item("a", embeddings[0])])
        server.kill()
        server.start()

        for call in (store.count(created.name, Filter()), store.ping()):
            with pytest.raises(StoreUnavailable, match="still loading") as caught:
                await call
            assert caught.value.reason == "COLLECTION_LOADING"
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(StoreUnavailable):
                    await store.ping()
                    break
                await asyncio.sleep(0.1)

        assert await store.count(created.name, Filter()) == 1
        await store.release(created.name)
        await store.ping()
        with pytest.raises(CollectionNotReady, match="load it first"):
            await store.count(created.name, Filter())
        await store.close()


@pytest.mark.parametrize("is_read", [True, False])
async def test_a_thread_reads_no_longer_than_its_caller_waits(
    tmp_path: Path, port: int, spec: Spec, embeddings: FloatArray, *, is_read: bool
) -> None:
    """A read whose caller has left is given up, and frees its thread; a write is not."""
    created = spec()
    with lite_server(tmp_path, port) as process:
        store = await connect(process, port, timeout_s=4.0)
        await store.create(created)
        await store.spec(created.name)
        await freeze(process)
        start = time.monotonic()
        set_deadline(0.2)
        items = [Item("a", embeddings[0])]
        call = store.count(created.name, Filter()) if is_read else store.upsert(created.name, items)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call, 0.2)
        await store.close()  # it waits for the threads

        assert (time.monotonic() - start < 3.9) == is_read


@pytest.mark.milvus
async def test_a_store_is_closed_though_a_server_is_still_loading(
    server: Milvus, milvus_uri: str, spec: Spec
) -> None:
    """Otherwise tihua-server might take ten minutes to stop."""
    created = spec()
    await server.create(created)
    with cutting(urlsplit(milvus_uri).netloc, is_silent=True) as proxy:
        store = await Milvus.open(f"http://{proxy.address}", timeout_s=1.5)
        await store.spec(created.name)
        proxy.cut()
        load = store.connection.client.load_collection
        # More than there are threads: those that wait for one are told the same.
        loads = [
            asyncio.create_task(store.connection.call("", load, created.name, timeout_s=600))
            for _ in range(2 * CALLS_AT_ONCE)
        ]
        await asyncio.sleep(0)

        async with asyncio.timeout(60):
            await store.close()
            for loading in loads:
                with pytest.raises(StoreUnavailable, match="is closed"):
                    await loading


@pytest.mark.milvus
async def test_loading_does_not_keep_searches_waiting(
    server: Milvus, spec: Spec, embeddings: FloatArray
) -> None:
    """However many collections a server is asked to load, others are searched meanwhile."""
    created = spec()
    await server.create(created)
    is_over = threading.Event()
    long = [
        asyncio.create_task(server.connection.call("", is_over.wait, timeout_s=600))
        for _ in range(2 * CALLS_AT_ONCE)
    ]
    await asyncio.sleep(0)

    try:
        assert await server.search(created.name, embeddings[:1], SearchParams(1)) == [[]]
    finally:
        is_over.set()
        await asyncio.gather(*long)
