"""A small tihua server in memory, spoken to over a real channel, and a runner of command lines."""

from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from command_line import Tihua
from scripted_memory import Memory
from scripted_server import register


@pytest.fixture
def memory() -> Memory:
    """What the server remembers; empty."""
    return Memory()


@pytest.fixture
def address(memory: Memory) -> Iterator[str]:
    """Where a fake server with that memory listens."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    register(memory, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def tihua(address: str) -> Tihua:
    """Runs a command line against the fake server: `tihua("search", "猫")`."""
    return Tihua(address)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of what the fake server takes for three good pictures and a broken one."""
    folder = tmp_path / "pictures"
    (folder / "cats").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"picture a")
    (folder / "b.PNG").write_bytes(b"broken b")
    (folder / "cats" / "猫 咪.webp").write_bytes(b"picture cat")
    (folder / "cats" / "tom.tiff").write_bytes(b"picture tom")
    (folder / "notes.txt").write_bytes(b"no picture")
    return folder
