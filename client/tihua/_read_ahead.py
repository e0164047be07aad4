"""Work that is done ahead of its consumer: in threads, in order, and bounded."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from itertools import chain
from queue import SimpleQueue
from typing import Generic, TypeVar

from tihua._waiting import waited

LOAD_THREADS = 8
"""Files read at once: a network file system takes milliseconds for each, whatever its size."""

_PAGES_AHEAD = 2
_ITEMS_AHEAD = 64
_BYTES_AHEAD = 32 * 2**20
"""What is loaded before it is asked for: two batches of 32, so that a slow disk is asked early."""

_Given = TypeVar("_Given")
_Done = TypeVar("_Done")
_Page = TypeVar("_Page")


def two_stages(
    pages: Iterable[_Page],
    decide: Callable[[_Page], Iterable[_Given]],
    load: Callable[[_Given], _Done],
    size_of: Callable[[_Given], int],
    *,
    threads: int = LOAD_THREADS,
) -> Generator[_Done, None, None]:
    """Yield the results of two functions in sequence, in order; closing the generator ends both.

        pages ──> decide, one page ahead ──> load, up to 64 items and 32 MiB ahead

    Args:
        pages: the inputs of `decide`, taken on the thread that iterates.
        decide: returns the inputs of `load`; called in one thread.
        load: called in `threads` threads.
        size_of: how many bytes an input of `load` or its result, whichever is larger, will hold.
        threads: how many inputs to load at once, 1 or more.
    """
    decided = ReadAhead(
        decide,
        pages,
        threads=1,
        max_items=_PAGES_AHEAD,
        max_bytes=_BYTES_AHEAD,
        size_of=lambda _: 0,
    )
    with contextlib.closing(iter(decided)) as decided_pages:
        loaded = ReadAhead(
            load,
            chain.from_iterable(decided_pages),
            threads=threads,
            max_items=_ITEMS_AHEAD,
            max_bytes=_BYTES_AHEAD,
            size_of=size_of,
        )
        with contextlib.closing(iter(loaded)) as results:
            yield from results


class ReadAhead(Generic[_Given, _Done]):
    """The results of a function for each of its inputs, in their order; iterate over it once.

    Inputs are taken on the thread that iterates, and only as long as there is room. The worker
    threads end with the iteration, or with the process even if they are stuck.
    """

    def __init__(
        self,
        work: Callable[[_Given], _Done],
        inputs: Iterable[_Given],
        *,
        threads: int,
        max_items: int,
        max_bytes: int,
        size_of: Callable[[_Given], int],
    ) -> None:
        """Prepare; the threads start with the iteration.

        Args:
            work: called in any of the threads; its exception is raised in place of its result.
            inputs: the inputs to call it with.
            threads: how many threads work at once, 1 or more.
            max_items: inputs that may be taken before their results are asked for, 1 or more.
            max_bytes: maximum of their sizes together; a larger input goes alone.
            size_of: how many bytes an input or its result, whichever is larger, will hold.
        """
        self._work = work
        self._inputs = iter(inputs)
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._threads = threads
        self._tasks: SimpleQueue[tuple[_Given, Future[_Done]] | None] = SimpleQueue()
        self._pending: deque[tuple[int, Future[_Done]]] = deque()
        self._pending_bytes = 0
        self._next: tuple[int, _Given] | None = None

    def __iter__(self) -> Generator[_Done, None, None]:
        """Yield the results; closing the generator ends the work."""
        for _ in range(self._threads):
            threading.Thread(target=self._run, name="tihua-read-ahead", daemon=True).start()
        try:
            while True:
                self._submit()
                if not self._pending:
                    return
                size, future = self._pending[0]
                result = _result(future)
                self._pending.popleft()
                self._pending_bytes -= size
                yield result
        finally:
            for _, future in self._pending:
                future.cancel()
            for _ in range(self._threads):
                self._tasks.put(None)

    def _submit(self) -> None:
        """Take as many inputs as there is room for."""
        while len(self._pending) < self._max_items:
            if self._next is None:
                for given in self._inputs:
                    self._next = self._size_of(given), given
                    break
                else:
                    return
            size, given = self._next
            if self._pending and self._pending_bytes + size > self._max_bytes:
                return
            self._next = None
            future: Future[_Done] = Future()
            self._pending.append((size, future))
            self._pending_bytes += size
            self._tasks.put((given, future))

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            given, future = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._work(given))
            except BaseException as error:  # noqa: BLE001  # raised to the consumer of the result
                future.set_exception(error)
            del task, given, future  # don't keep them alive until the next task


def _result(future: Future[_Done]) -> _Done:
    # Not by `result`, which raises a TimeoutError of the work as well.
    waited(lambda limit_s: future.exception(timeout=limit_s), TimeoutError)
    return future.result()
