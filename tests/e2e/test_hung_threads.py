"""A server exits although one of its threads hangs: in the model, or on a hung disk."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tihua
from hung_disk_server import HANGS, HANGS_LATER
from kept_items import count_kept
from processes import ServerProcess, running
from stuck_server import STUCK
from tihua_server.milvus.flusher import MIN_IDLE_ROWS


def test_a_batch_that_never_ends_does_not_keep_the_server(tmp_path: Path) -> None:
    """The caller gets an error, the store is closed, and the process exits."""
    with (
        running(tmp_path, "--drain-timeout-s", "0.1", module="stuck_server") as server,
        tihua.Client(server.address, collection="kept") as client,
    ):
        client.create_collection()
        client.upsert([tihua.Item("a", text="马")])
        with ThreadPoolExecutor(1) as caller:
            busy = caller.submit(client.embed_text, STUCK, timeout=60)
            while "stuck" not in [entry["event"] for entry in server.log]:
                client.server_info()
            server.process.terminate()
            with pytest.raises(tihua.TihuaError):
                busy.result()
        assert server.process.wait(30) == 0
    assert [entry for entry in server.log if "in the middle of a batch" in entry["event"]]
    assert not [entry for entry in server.log if "Traceback" in str(entry)]
    assert count_kept(tmp_path, "kept") == 1


@contextlib.contextmanager
def hung_disk(data_dir: Path) -> Iterator[tuple[ServerProcess, tihua.Client]]:
    """Serve an empty collection from a disk that will hang; the block must end the server."""
    flags = ("--drain-timeout-s", "0.1", "--store-timeout-s", "1")
    with (
        running(data_dir, *flags, module="hung_disk_server") as server,
        tihua.Client(server.address, collection="kept") as client,
    ):
        client.create_collection()
        yield server, client
        assert server.process.wait(30) == 0
    assert server.has_logged("the store was not closed")
    assert not [entry for entry in server.log if "Traceback" in str(entry)]


def test_a_disk_that_hangs_does_not_keep_the_server(tmp_path: Path) -> None:
    """It logs this and exits; the writing thread would have kept it for ten minutes."""
    with hung_disk(tmp_path) as (server, client), ThreadPoolExecutor(1) as caller:
        client.upsert([tihua.Item("a", text="马")])
        hung = caller.submit(client.upsert, [tihua.Item(HANGS, text="马")], timeout=60)
        while not server.has_logged("hung"):
            assert not hung.done()
            client.server_info()
        server.terminate()
        with pytest.raises(tihua.TihuaError):
            hung.result()
    assert count_kept(tmp_path, "kept") == 1


def test_a_disk_that_hangs_in_the_background_does_not_keep_the_server(tmp_path: Path) -> None:
    """Only the shutdown waits for that flush; the unflushed items are not lost."""
    names = [HANGS_LATER, *map(str, range(MIN_IDLE_ROWS))]
    with hung_disk(tmp_path) as (server, client):
        client.upsert([tihua.Item(name, text="马") for name in names])
        while not server.has_logged("hung"):
            client.server_info()
        server.terminate()
    assert count_kept(tmp_path, "kept") == len(names)
