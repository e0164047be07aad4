"""Who goes first."""

import enum


class Lane(enum.IntEnum):
    """Who waits: somebody for an answer, or a stream for its end; in this order they are served."""

    INTERACTIVE = 0
    BULK = 1

    @property
    def label(self) -> str:
        """What metrics and messages call it."""
        return self.name.lower()
