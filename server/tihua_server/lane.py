"""Where inputs wait for a batch: two lanes, each in order and bounded."""

import enum
from bisect import bisect_left, bisect_right, insort_right
from typing import Generic, TypeVar

from tihua_server.admission import Budget
from tihua_server.batch import DUE_S, Entry

Input = TypeVar("Input")
Result = TypeVar("Result")


class Lane(enum.Enum):
    """Who waits: somebody for an answer, or a stream for its end."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Waiting(Generic[Input, Result]):
    """The inputs of one lane.

    Attributes:
        entries: what is due first comes first, and of what is due at once the oldest.
        room: for so many.
    """

    __slots__ = ("entries", "room")

    def __init__(self, max_queue_size: int) -> None:
        self.entries: list[Entry[Input, Result]] = []
        self.room = Budget(max_queue_size)

    def put(self, entry: Entry[Input, Result]) -> None:
        """Add an entry, for which room was taken."""
        insort_right(self.entries, entry, key=DUE_S)

    def count_due(self, now_s: float) -> int:
        """Return how many are due."""
        return bisect_right(self.entries, now_s, key=DUE_S)

    def take_out(self, entry: Entry[Input, Result]) -> None:
        """Remove an entry if it still is here."""
        at = bisect_left(self.entries, entry.due_s, key=DUE_S)
        while at < len(self.entries) and self.entries[at].due_s == entry.due_s:
            if self.entries[at] is entry:
                del self.entries[at]
                self.room.give(1)
                return
            at += 1
