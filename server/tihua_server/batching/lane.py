"""The two lanes in which work waits."""

import enum


class Lane(enum.IntEnum):
    """The priority of an input: the lower value is served first.

    Somebody waits for the result of each interactive input; for bulk only the total time counts.
    """

    INTERACTIVE = 0
    BULK = 1

    @property
    def label(self) -> str:
        """Its name in metrics and messages."""
        return self.name.lower()
