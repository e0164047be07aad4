"""The server that is broken: always on the same port, so that callers find it again."""

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
"""How long memory may take to go back: threads end, and pools let go."""

STILL_S = 5.0
STILL_BYTES = 2**20
"""It has settled when it has not gone down by so much for so long."""

START_TIMEOUT_S = 300.0
"""Importing its libraries takes 5 s of a core, of which a busy machine gives little."""

MANY_STREAMS = ("--max-streams-per-client", "1000")
"""All callers here are one client, by its address; the bound on one is no part of the soak."""


class Server:
    """A `tihua-server` that may be killed and started again; stopped when it is left.

    Attributes:
        address: the same for all its lives.
        bugs: what it logged as a bug, in all its lives.
    """

    def __init__(self, data_dir: Path, *flags: str) -> None:
        """Take a directory for its embedded store, and its other flags."""
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
        """Its process; it must have been started."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it and wait until it serves; its model is warm then.

        Raises:
            ServerFailed: it did not start.
        """
        life = running(self._data_dir, *self._flags, start_timeout_s=START_TIMEOUT_S)
        self._process = self._life.enter_context(life)

    def start_and_kill(self, after_s: float) -> None:
        """Start it, and kill it so many seconds later, ready or not."""
        with start_server(self._data_dir, *self._flags) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=after_s)
            process.kill()

    def stop(self) -> None:
        """Stop it as an operator does, and wait for its end."""
        self._life.close()
        if self._process is not None:
            self.bugs += [
                f"a bug in the server's log: {str(entry)[:300]}"
                for entry in self._process.log
                if entry["event"] == "bug"
            ]
            self._process = None

    def kill(self) -> float:
        """Kill it at once (SIGKILL); return when, on the monotonic clock."""
        self.process.process.kill()
        killed_s = time.monotonic()
        self.stop()
        return killed_s

    def settled_bytes(self, is_enough: Callable[[int], bool] = lambda _: False) -> int:
        """Return its memory once that is enough, or has settled.

        Args:
            is_enough: whether so many bytes need no further waiting.
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
