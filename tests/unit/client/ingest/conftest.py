"""An ingest by each of the two clients: every behaviour that they share is tested with both."""

import threading
from collections.abc import Iterator

import pytest
from ingest_run import Run


@pytest.fixture(params=["blocking", "asyncio"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Each of the two clients; no thread of theirs may be left behind."""
    before = set(threading.enumerate())
    yield Run(is_async=request.param == "asyncio")
    for thread in set(threading.enumerate()) - before:
        if "poll_wrapper" not in thread.name:  # grpc.aio keeps one for the whole process
            thread.join(5)
            assert not thread.is_alive(), thread.name
