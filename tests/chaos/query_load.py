"""Readers that keep searching during a fault, and statistics of their queries."""

import random
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

import tihua

from chaos.entries import Entry

PASSING = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"})
"""Errors of a query that are acceptable while a part is down: the caller may try again."""

PAUSE_S = 0.02
"""Pause between two queries of a thread: a steady load, not a storm."""


class QueryLoad:
    """Threads that search with the library, including its retries.

    Attributes:
        answered: number of queries that were answered.
        failed: number of failed queries, by status.
        slowest_s: the time that the slowest query took, answered or not.
        odd: messages of the errors that are not in `PASSING`.
    """

    def __init__(
        self, address: str, collection: str, dim: int, *, threads: int, timeout_s: float = 30.0
    ) -> None:
        """Search with `threads` concurrent queries, each with a deadline of `timeout_s`."""
        self._client = tihua.Client(address, collection=collection, timeout=timeout_s)
        self._dim = dim
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=[number], name=f"query {number}")
            for number in range(threads)
        ]
        self.answered = 0
        self.failed: Counter[str] = Counter()
        self.slowest_s = 0.0
        self.odd: list[str] = []

    def __enter__(self) -> Self:
        """Start searching."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop searching."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def told(self) -> str:
        """Return the number of answered and failed queries, as text."""
        failed = ", ".join(f"{count} {code}" for code, count in self.failed.most_common())
        return f"{self.answered} queries answered, {failed or 'none'} failed"

    def _run(self, number: int) -> None:
        choice = random.Random(number)
        while not self._stop.wait(PAUSE_S):
            query = Entry(f"query-{choice.randrange(1_000)}", 1).embedding(self._dim)
            begin_s = time.monotonic()
            code = message = ""
            try:
                self._client.search(embedding=query.data, limit=10, fields=["metadata"])
            except tihua.TihuaError as error:
                code, message = error.code, error.message
            took_s = time.monotonic() - begin_s
            with self._lock:
                self.slowest_s = max(self.slowest_s, took_s)
                if code:
                    self.failed[code] += 1
                else:
                    self.answered += 1
                if code and code not in PASSING:
                    self.odd.append(f"{code}: {message}")
