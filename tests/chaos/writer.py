"""What all writers share: a thread that writes entries until it is stopped."""

import contextlib
import threading
import time
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Protocol, Self

from chaos.entries import Entry, entries
from chaos.ledger import Books


class Work(Protocol):
    """Writes entries, and reports to the books what is acknowledged."""

    def __call__(self, source: Iterator[Entry], books: Books) -> None:
        """Write all entries; return once the last is acknowledged."""


class Writer:
    """Runs some work in a thread, from `__enter__` to `__exit__`."""

    def __init__(
        self,
        name: str,
        work: Work,
        books: Books,
        *,
        seed: int,
        entries_per_s: float,
        max_ids: int,
        first_version: int = 1,
    ) -> None:
        """Prepare the thread.

        Args:
            name: prefix of the ids; unique among the writers.
            work: run in the thread.
            books: records what is sent and acknowledged.
            seed: of the entries.
            entries_per_s: maximum rate.
            max_ids: after this many ids, only newer versions follow.
            first_version: of each id.
        """
        self._work = work
        self._books = books
        self._source = entries(name, seed, max_ids, first_version=first_version)
        self._pause_s = 1 / entries_per_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        """Start writing."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, wait until everything sent is acknowledged, and re-raise an error of the thread."""
        self._stop.set()
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            with contextlib.closing(self._paced()) as source:
                self._work(source, self._books)
        except BaseException as error:  # noqa: BLE001  # raised where the writer is left
            self._error = error

    def _paced(self) -> Generator[Entry, None, None]:
        due_s = time.monotonic()
        for entry in self._source:
            if self._stop.is_set():
                return
            self._books.sent(entry)
            yield entry
            due_s = max(due_s + self._pause_s, time.monotonic() - 1)
            if (early_s := due_s - time.monotonic()) > 0:
                self._stop.wait(early_s)
