"""Which waiting inputs become the next batch.

The input that is due first is always taken, without others if it is to be alone. If inputs are
padded to the largest of their batch, it is filled up with those of the most similar size, those
due much later last; without padding, with those due next.

Three bounds keep a batch from delaying what comes after it: the number of its inputs, its expected
duration (`BatchCost`), and its padding, which may cost no more than a separate batch would.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

from tihua_server.batching.batch import Entry
from tihua_server.batching.cost import BatchCost

Input = TypeVar("Input")
Result = TypeVar("Result")

MIN_PADDING = 8
"""Padding that is always allowed, in units of size: below it there is nothing to gain."""

AHEAD_S = 0.1
"""An input is taken ahead of its time if it is due more than this many seconds from now. Without
it, 16 callers of 4 texts each got 6 % fewer answers: `GUEST_BATCH_S` limited their batches."""

GUEST_BATCH_S = 0.05
"""Longest expected duration of a batch with guests, in seconds: inputs that are taken ahead of
their time, and of other flows than the first one. A caller who waits for a single answer waits for
them too. Without it, a picture beside a caller of 64 took nearly twice as long, and a query beside
one of 256 texts a third longer."""


class Selection(Generic[Input, Result]):
    """Chooses batches by their expected cost."""

    def __init__(self, cost: BatchCost, *, max_batch_size: int, padding_cost: float | None) -> None:
        """Choose within bounds on size, duration and padding.

        Args:
            cost: estimates durations; the batcher keeps it up to date.
            max_batch_size: largest number of inputs in a batch.
            padding_cost: the cost of a unit of padding; None where inputs are not padded.
        """
        self._cost = cost
        self._max_batch_size = max_batch_size
        self._padding_cost = padding_cost

    def choose(
        self, waiting: Sequence[Entry[Input, Result]], max_batch_s: float, now_s: float
    ) -> tuple[list[Entry[Input, Result]], float]:
        """Return the entry that is due first and those that go well with it, and their size.

        Args:
            waiting: one or more entries, in the order in which they are due.
            max_batch_s: longest expected duration of a batch of several inputs, in seconds.
            now_s: the time, by the clock by which they are due.
        """
        first, *others = waiting
        if first.has_own_batch:
            return [first], first.size
        ahead_s = now_s + AHEAD_S
        padding_cost = self._padding_cost or 0.0
        if self._padding_cost is not None:
            others.sort(key=lambda entry: (entry.due_s > ahead_s, abs(entry.size - first.size)))
        chosen = [first]
        largest = total = first.size
        size: float = first.size
        for entry in others:
            if len(chosen) == self._max_batch_size:
                break
            if entry.has_own_batch:
                continue
            units = total + entry.size  # without padding, and with it:
            places = max(largest, entry.size) * (len(chosen) + 1)
            padding = padding_cost * (places - units)
            is_guest = entry.due_s > ahead_s and entry.flow is not first.flow
            max_s = min(max_batch_s, GUEST_BATCH_S) if is_guest else max_batch_s
            cost_s = self._cost.seconds(units + padding)
            if cost_s <= max_s and padding <= self._max_padding():
                chosen.append(entry)
                largest = max(largest, entry.size)
                total, size = units, units + padding
        return chosen, size

    def _max_padding(self) -> float:
        return max(MIN_PADDING, self._cost.fixed_size())
