"""Where inputs wait for a batch: two lanes, each in order and bounded."""

import enum
from typing import Generic, TypeVar

from tihua_server.admission import Budget
from tihua_server.batch import Entry

Input = TypeVar("Input")
Result = TypeVar("Result")


class Lane(enum.Enum):
    """Who waits: somebody for an answer, or a stream for its end."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Waiting(Generic[Input, Result]):
    """The inputs of one lane, oldest first."""

    __slots__ = ("entries", "room")

    def __init__(self, max_queue_size: int) -> None:
        # An ordered set: what its caller takes back leaves at once, from wherever it stands.
        self.entries: dict[Entry[Input, Result], None] = {}
        self.room = Budget(max_queue_size)

    def take_out(self, entry: Entry[Input, Result]) -> None:
        """Remove an entry if it still is here."""
        if entry in self.entries:
            del self.entries[entry]
            self.room.give(1)
