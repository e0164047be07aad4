"""Work that is done ahead of its consumer: in some threads, in order, and bounded."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

_Given = TypeVar("_Given")
_Done = TypeVar("_Done")

_SIGNAL_CHECK_S = 0.2
"""How long a KeyboardInterrupt may have to wait, in seconds."""


class ReadAhead(Generic[_Given, _Done]):
    """The results of a function for each of its inputs, in their order; iterate over it once.

    Inputs are taken on the thread that iterates, and only as long as there is room. The threads
    that work end with the iteration, or with the process, whatever they are stuck in.
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
        """Begin nothing yet.

        Args:
            work: called in any of the threads; an exception of it is raised where its result is
                due.
            inputs: what to call it with.
            threads: how many work at once, 1 or more.
            max_items: inputs that may be taken before their results are asked for, 1 or more.
            max_bytes: their sizes together at most; an input that is larger goes alone.
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
        """Return the results one by one; closing the iterator ends the work."""
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
            except BaseException as error:  # noqa: BLE001  # whoever wants the result hears of it
                future.set_exception(error)
            del task, given, future  # what was handed over is not kept until the next comes


def _result(future: Future[_Done]) -> _Done:
    while not future.done():
        # A wait without end may not see Ctrl-C: never on Windows, nor when the signal comes to
        # another thread.
        with contextlib.suppress(TimeoutError):
            future.exception(timeout=_SIGNAL_CHECK_S)
    return future.result()
