"""Which waiting inputs become the next batch.

The input that is due first is always taken, without others if it is to be alone. If inputs are
padded to the largest of their batch, it is filled up with those of the most similar size, early
ones last; otherwise with those due next.

Three bounds keep a batch from delaying what comes after it: the number of its inputs, its expected
duration (`BatchCost`), and its padding, which may not cost more than a batch of its own would.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

from tihua_server.batch import Entry
from tihua_server.batch_cost import BatchCost

Input = TypeVar("Input")
Result = TypeVar("Result")

MIN_PADDING = 8
"""Padding that is always allowed, in units of size: below it there is nothing to gain."""

EARLY_S = 0.1
"""An input is early that is not due for so long, in seconds. Without this, 16 callers of 4 texts
each got 6 % fewer answers: their batches were those of `EARLY_BATCH_S`."""

EARLY_BATCH_S = 0.05
"""What a batch may be expected to take, in seconds, with early inputs of another flow than the
first one's: who waits for a single answer waits for them too. Without it, a picture beside a caller
of 64 took nearly twice as long, and a query beside one of 256 texts a third longer."""


class Selection(Generic[Input, Result]):
    """Chooses batches, of what size costs."""

    def __init__(self, cost: BatchCost, *, max_batch_size: int, padding_cost: float | None) -> None:
        """Take what a batch costs, and bounds.

        Args:
            cost: learns of the batches that were computed.
            max_batch_size: inputs of one batch at most.
            padding_cost: what a unit of padding costs; None where inputs are not padded.
        """
        self._cost = cost
        self._max_batch_size = max_batch_size
        self._padding_cost = padding_cost

    def choose(
        self, waiting: Sequence[Entry[Input, Result]], max_batch_s: float, now_s: float
    ) -> tuple[list[Entry[Input, Result]], float]:
        """Return what is due first and what goes well with it, and what they cost together.

        Args:
            waiting: one entry or more, in the order in which they are due.
            max_batch_s: what a batch of more than one may be expected to take, in seconds.
            now_s: by the clock by which they are due.
        """
        first, *others = waiting
        if first.has_own_batch:
            return [first], first.size
        early_s = now_s + EARLY_S
        padding_cost = self._padding_cost or 0.0
        if self._padding_cost is not None:
            others.sort(key=lambda entry: (entry.due_s > early_s, abs(entry.size - first.size)))
        chosen = [first]
        largest = total = first.size
        size: float = first.size
        for entry in others:
            if len(chosen) == self._max_batch_size:
                break
            if entry.has_own_batch:
                continue
            units = total + entry.size
            places = max(largest, entry.size) * (len(chosen) + 1)
            padding = padding_cost * (places - units)
            is_guest = entry.due_s > early_s and entry.flow is not first.flow
            max_s = min(max_batch_s, EARLY_BATCH_S) if is_guest else max_batch_s
            cost_s = self._cost.seconds(units + padding)
            if cost_s <= max_s and padding <= self._max_padding():
                chosen.append(entry)
                largest = max(largest, entry.size)
                total, size = units, units + padding
        return chosen, size

    def _max_padding(self) -> float:
        return max(MIN_PADDING, self._cost.fixed_size())
