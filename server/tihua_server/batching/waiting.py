"""Inputs that wait for a thread, in order."""

from bisect import bisect_left, bisect_right, insort_right
from operator import attrgetter
from typing import Generic, TypeVar

from tihua_server.batching.batch import Entry

Input = TypeVar("Input")
Result = TypeVar("Result")

_DUE_S = attrgetter("due_s")
"""The sort key of entries."""


class Waiting(Generic[Input, Result]):
    """The inputs of one lane.

    Attributes:
        entries: sorted by when they are due; equal ones by age, the oldest first.
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        """Begin with none."""
        self.entries: list[Entry[Input, Result]] = []

    def put(self, entry: Entry[Input, Result]) -> None:
        """Add an entry."""
        insort_right(self.entries, entry, key=_DUE_S)

    def count_due(self, now_s: float) -> int:
        """Return how many are due."""
        return bisect_right(self.entries, now_s, key=_DUE_S)

    def drop_cancelled(self) -> None:
        """Remove the entries whose callers have been cancelled."""
        self.entries = [entry for entry in self.entries if not entry.future.done()]

    def take_out(self, entry: Entry[Input, Result]) -> None:
        """Remove an entry if it is still here."""
        at = bisect_left(self.entries, entry.due_s, key=_DUE_S)
        while at < len(self.entries) and self.entries[at].due_s == entry.due_s:
            if self.entries[at] is entry:
                del self.entries[at]
                return
            at += 1
