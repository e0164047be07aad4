"""Files of secrets: refused if everybody may read them, and reloaded when they change.

An operator may replace a certificate or revoke a token while the server runs. A new version applies
within a second; a broken one is logged, and the old one stays in force.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from tihua._secret_file import exposure

from tihua_server.errors import ConfigError

MAX_BYTES = 1024 * 1024
"""Largest file that is read; a megabyte holds ten thousand tokens."""

LOOK_S = 1.0
"""How often files are checked, in seconds: not every call must wait for a slow disk."""

_log = structlog.get_logger("tihua")

T = TypeVar("T")


def read_secret(path: Path) -> bytes:
    """Return the content of a file that only the server's user and group may read.

    Raises:
        ConfigError: it can't be read, can be read by everybody, or is too large.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error
    if problem := exposure(path, mode):
        raise ConfigError(problem)
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES} bytes; is it the right file?")
    return content


class WatchedFiles(Generic[T]):
    """A value that is loaded from files, again when they change. Thread-safe."""

    def __init__(
        self,
        paths: Sequence[Path],
        load: Callable[[], T],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Load the value.

        Args:
            paths: the files that `load` reads.
            load: reads them and returns the value.
            now: the clock, in seconds.

        Raises:
            ConfigError: as `load` raises it.
        """
        self._paths = tuple(paths)
        self._load = load
        self._now = now
        self._lock = threading.Lock()
        self._looked_s = now()
        self._seen = self._states()
        self._value = load()

    def current(self) -> T:
        """Return the files' value, or the last good one if they are broken now."""
        if self._now() - self._looked_s < LOOK_S:
            return self._value
        with self._lock:
            self._looked_s = self._now()
            states = self._states()
            if states != self._seen:
                self._seen = states
                self._reload()
            return self._value

    def _reload(self) -> None:
        files = [path.name for path in self._paths]
        try:
            self._value = self._load()
        except ConfigError as error:
            _log.error("not reloaded; the old stays in force", files=files, error=error.message)
        else:
            _log.info("reloaded", files=files)

    def _states(self) -> list[tuple[int, ...] | None]:
        return [_state(path) for path in self._paths]


def _state(path: Path) -> tuple[int, ...] | None:
    """Return numbers that change with the content; None if there is no file."""
    try:
        # Follows links: Kubernetes replaces secrets by pointing a link elsewhere.
        status = path.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
