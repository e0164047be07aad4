"""Milvus Lite in this process: starting it on its directory, reopening and stopping it.

Lite is a gRPC server in threads of this process, on a free port of the loopback interface, as
`pymilvus.MilvusClient("…/milvus.db")` starts it. Started here, it says why if it fails to start.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog
from milvus_lite.adapter.grpc.server import start_server_in_thread
from milvus_lite.exceptions import DataDirLockedError, MilvusLiteError

from tihua_server.errors import StoreError, StoreUnavailable
from tihua_server.milvus.directory import (
    MIN_FREE_BYTES,
    discard_indexes,
    discard_unfinished,
    forget_rename,
    free_bytes,
    has_room,
    is_moved,
    mend_aliases,
    note_rename,
)
from tihua_server.milvus.errors import store_full
from tihua_server.milvus.lite_filters import bound_filters

_log = structlog.get_logger("tihua")


class LiteServer:
    """A Milvus Lite server on a directory, which no other process may have open.

    All methods are for the one thread that calls Milvus Lite, except `has_room`, which blocks while
    the disk hangs.

    Attributes:
        uri: where it listens.
    """

    def __init__(self, directory: Path) -> None:
        """Start it; the directory is created if it is missing.

        Raises:
            StoreUnavailable: another process has the directory open, it can't be read, or this
                milvus-lite is of a version that tihua does not know.
        """
        self._directory = directory.absolute()
        self._is_swept = True
        bound_filters()
        self._start(port=0)

    def _start(self, port: int) -> None:
        try:
            self._server, self._database, port = start_server_in_thread(
                str(self._directory), port=port
            )
        except DataDirLockedError as error:
            raise StoreUnavailable(
                f"the data directory {self._directory} is open in another process, and Milvus Lite "
                "allows one: stop the other, or choose another --data-dir, or a Milvus server with "
                "--milvus-uri"
            ) from error
        except (OSError, MilvusLiteError) as error:
            raise StoreUnavailable(
                f"the data directory {self._directory} can't be opened ({type(error).__name__}): "
                f"see that it is a directory that user {os.getuid()} may write to"
            ) from error
        discard_unfinished(self._directory)
        try:
            mend_aliases(self._directory)
        except OSError as error:
            _log.warning("aliases may lead nowhere until the next start", why=error.strerror)
        self.uri = f"http://127.0.0.1:{port}"

    def has_room(self) -> bool:
        """Return whether the disk has room for writing.

        Raises:
            StoreUnavailable: the data directory can't be read.
        """
        return has_room(self._directory)

    def require_room(self) -> None:
        """Raise unless the disk has room for writing.

        Raises:
            StoreFull: it has not, not even after half-written files were removed.
            StoreUnavailable: the data directory can't be read.
        """
        if not self.has_room() and not self._is_swept:
            # A merge of data files that ran out of room leaves half a file until the next start.
            self.reopen()
        self._is_swept = not self.has_room()
        if self._is_swept:
            raise store_full(free_bytes(self._directory), MIN_FREE_BYTES)

    def reopen(self) -> None:
        """Reopen everything from the disk, as after a kill; reload what was loaded.

        Nothing less is safe after a failed write. Milvus Lite 3.2 continues without the rows that
        it could not flush, and its next flush removes the log, which alone has them; and what it
        appends to a log after half a batch is not read at the next start.

        Raises:
            StoreUnavailable: the directory can't be opened.
        """
        opened = self._database._collections  # noqa: SLF001  # its public `close` would flush
        loaded = [name for (_, name), each in opened.items() if each.load_state == "loaded"]
        self._server.stop(grace=2).wait()
        for collection in opened.values():
            _abandon(collection)
        opened.clear()
        self._database.close()
        self._start(int(self.uri.rpartition(":")[2]))
        for name in loaded:
            try:
                self.load(name)
            except StoreError as error:
                _log.warning("collection not loaded", collection=name, why=error.message)

    def names(self) -> list[str]:
        """Return the names of all collections; Lite itself lists none if one can't be opened."""
        found: list[str] = self._database.list_collections()
        return found

    @contextlib.contextmanager
    def renaming(self, name: str, new_name: str, *, keeps_alias: bool) -> Iterator[None]:
        """Note the rename done in this context, so that it is completed if interrupted.

        If it fails after the directory was moved, it is completed at once; if the process is killed
        then, at the next start. A rename that fails earlier is forgotten.

        Raises:
            StoreFull: the disk has no room to note it.
        """
        try:
            note_rename(self._directory, name, new_name, keeps_alias=keeps_alias)
        except OSError as error:
            raise store_full() from error
        try:
            yield
        except BaseException:
            # The error does not tell how far it got.
            if is_moved(self._directory, name, new_name):
                self.reopen()
            else:
                forget_rename(self._directory)
            raise
        forget_rename(self._directory)

    def load(self, name: str) -> None:
        """Load a collection; its indexes are rebuilt if one is half-written.

        Raises:
            StoreError: it can't be loaded.
        """
        try:
            collection = self._database.get_collection(name)
            try:
                collection.load()
            except (OSError, ValueError, RuntimeError):
                discard_indexes(self._directory, name)
                collection.load()
        except (OSError, ValueError, RuntimeError, MilvusLiteError) as error:
            raise StoreError(f"Milvus Lite can't load it: {str(error)[:200]}") from error

    def stop(self) -> None:
        """Flush every collection and unlock the directory."""
        server: Any = self._server
        server.stop(grace=2).wait()
        self._database.close()


def _abandon(collection: Any) -> None:
    """Let go of a collection as a kill would, so that its logs stay as they are."""
    collection._bg_closed = True  # noqa: SLF001
    collection._bg_executor.shutdown(wait=True, cancel_futures=True)  # noqa: SLF001
    log = collection._wal  # noqa: SLF001
    for sink in (log._data_sink, log._delta_sink):  # noqa: SLF001
        if sink is not None:
            # The raw file below the buffer: what the disk did not take must not be written later.
            sink.raw.close()
