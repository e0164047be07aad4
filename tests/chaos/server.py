"""The server under test: always on the same port, so that callers find it again."""

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from free_port import HOST, free_port
from processes import ServerProcess, running, start_server

SETTLE_S = 30.0
"""How long memory may take to settle, while threads end and pools are released."""

STILL_S = 5.0
STILL_BYTES = 2**20
"""Memory has settled when it has not fallen by `STILL_BYTES` within `STILL_S`."""

START_TIMEOUT_S = 300.0
"""Importing its libraries takes 5 s of CPU time, and much longer on a busy machine."""

MANY_STREAMS = ("--max-streams-per-client", "1000")
"""All callers share one address, and so count as one client; the soak doesn't test its bound."""


class Server:
    """A `tihua-server` that may be killed and restarted; `__exit__` stops it.

    Attributes:
        address: the same after every restart.
        bugs: what it has logged as bugs, over all restarts.
    """

    def __init__(self, data_dir: Path, *flags: str) -> None:
        """Choose a port; `data_dir` holds the embedded store, `flags` are passed on."""
        port = free_port()
        self.address = f"{HOST}:{port}"
        self._data_dir = data_dir
        self._flags = ("--port", str(port), *MANY_STREAMS, *flags)
        self._life = contextlib.ExitStack()
        self._process: ServerProcess | None = None
        self.bugs: list[str] = []

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    @property
    def process(self) -> ServerProcess:
        """The process; the server must be running."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start the server and wait until it serves, its model warmed up.

        Raises:
            ServerFailed: it did not start.
        """
        life = running(self._data_dir, *self._flags, start_timeout_s=START_TIMEOUT_S)
        self._process = self._life.enter_context(life)

    def start_and_kill(self, after_s: float) -> None:
        """Start the server, and kill it `after_s` seconds later, ready or not."""
        with start_server(self._data_dir, *self._flags) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=after_s)
            process.kill()

    def stop(self) -> None:
        """Stop the server as an operator does, and wait until it has exited."""
        self._life.close()
        if self._process is not None:
            self.bugs += [
                f"a bug in the server's log: {str(entry)[:300]}"
                for entry in self._process.log
                if entry["event"] == "bug"
            ]
            self._process = None

    def kill(self) -> float:
        """Kill the server (SIGKILL); return the time on the monotonic clock."""
        self.process.process.kill()
        killed_s = time.monotonic()
        self.stop()
        return killed_s

    def settled_bytes(self, is_enough: Callable[[int], bool] = lambda _: False) -> int:
        """Wait until memory has settled; return it, in bytes.

        Args:
            is_enough: tells whether a size is small enough to stop waiting.
        """
        begin_s = last_fall_s = time.monotonic()
        least = self.process.resident_bytes()
        while not is_enough(least):
            time.sleep(0.5)
            now_s, size = time.monotonic(), self.process.resident_bytes()
            if size < least - STILL_BYTES:
                least, last_fall_s = size, now_s
            if now_s - last_fall_s > STILL_S or now_s - begin_s > SETTLE_S:
                break
        return least
