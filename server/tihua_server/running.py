"""The batches of a batcher that are being computed, and how those before them ended.

Health asks here whether a model hangs, or fails whatever it is given (`model_watch.py`).
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from tihua_server.batch import Batch
from tihua_server.errors import Draining

Input = TypeVar("Input")
Result = TypeVar("Result")


class Running(Generic[Input, Result]):
    """Knows each batch from when a thread is free for it until it has ended; of one event loop.

    Attributes:
        failed_in_a_row: batches that have failed since one was computed. An input that can't be
            read never gets into a batch, so each is a fault of the model, or a bug.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a clock: seconds from any beginning."""
        self.failed_in_a_row = 0
        self._clock = clock
        self._begun_s: dict[Batch[Input, Result], float] = {}

    @property
    def oldest_s(self) -> float:
        """For how long the oldest batch has been running, in seconds; 0 if there is none."""
        begun_s = next(iter(self._begun_s.values()), None)  # a dict is in order of arrival
        return 0.0 if begun_s is None else self._clock() - begun_s

    def begin(self, batch: Batch[Input, Result]) -> None:
        """Hear that a batch begins."""
        self._begun_s[batch] = self._clock()

    def end(self, batch: Batch[Input, Result]) -> None:
        """Hear that it has ended; its `error` says how."""
        del self._begun_s[batch]
        self.failed_in_a_row = 0 if batch.error is None else self.failed_in_a_row + 1

    def recount(self) -> None:
        """Count the time of each batch from now: the process stood still, and they with it."""
        self._begun_s = dict.fromkeys(self._begun_s, self._clock())

    def forsake(self) -> None:
        """Tell everybody who waits for the end of a batch that the server is stopping."""
        for batch in self._begun_s:
            for entry in batch.entries:
                entry.fail(Draining())
