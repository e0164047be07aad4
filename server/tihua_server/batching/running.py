"""The batches that a batcher is computing, and how those before them ended.

Health checks find out here whether a model hangs or fails at every batch (`model_watch.py`).
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from tihua_server.batching.batch import Batch
from tihua_server.errors import Draining

Input = TypeVar("Input")
Result = TypeVar("Result")


class Running(Generic[Input, Result]):
    """Tracks each batch from when a thread is free for it to its end; of one event loop.

    Attributes:
        failed_in_a_row: batches that have failed since one succeeded. An input that can't be read
            never gets into a batch, so each failure is the model's, or a bug.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with no batch; `clock` returns seconds since an arbitrary moment."""
        self.failed_in_a_row = 0
        self._clock = clock
        self._begun_s: dict[Batch[Input, Result], float] = {}

    @property
    def oldest_s(self) -> float:
        """For how long the oldest batch has been running, in seconds; 0 if there is none."""
        begun_s = next(iter(self._begun_s.values()), None)  # a dict is in order of arrival
        return 0.0 if begun_s is None else self._clock() - begun_s

    def begin(self, batch: Batch[Input, Result]) -> None:
        """Record that a batch begins."""
        self._begun_s[batch] = self._clock()

    def end(self, batch: Batch[Input, Result]) -> None:
        """Record that it has ended; its `error` says how."""
        del self._begun_s[batch]
        self.failed_in_a_row = 0 if batch.error is None else self.failed_in_a_row + 1

    def recount(self) -> None:
        """Restart the time of each batch: the process was suspended, and they with it."""
        self._begun_s = dict.fromkeys(self._begun_s, self._clock())

    def fail_all(self) -> None:
        """Fail the inputs of all running batches with `Draining`."""
        for batch in self._begun_s:
            for entry in batch.entries:
                entry.fail(Draining())
