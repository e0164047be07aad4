"""The two lanes in which work waits."""

import enum


class Lane(enum.IntEnum):
    """A caller waits for each answer, or only for all to be done; served in this order."""

    INTERACTIVE = 0
    BULK = 1

    @property
    def label(self) -> str:
        """Its name in metrics and messages."""
        return self.name.lower()
