"""Servers in this process, for clients that block."""

from collections.abc import Iterator

import pytest
from server_thread import Serve, ServerThread


@pytest.fixture(scope="session")
def server_thread() -> Iterator[ServerThread]:
    """One thread for the servers of all tests."""
    thread = ServerThread()
    yield thread
    thread.stop()


@pytest.fixture
def serve(server_thread: ServerThread) -> Iterator[Serve]:
    """Start a server: give it a function that adds servicers, get its address."""
    yield server_thread.serve
    server_thread.stop_servers()
