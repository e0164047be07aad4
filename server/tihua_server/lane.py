"""The two lanes in which work waits."""

import enum


class Lane(enum.IntEnum):
    """The priority of an input: the lower value is served first.

    A caller waits for the answer to each interactive input; of bulk inputs only the end matters.
    """

    INTERACTIVE = 0
    BULK = 1

    @property
    def label(self) -> str:
        """Its name in metrics and messages."""
        return self.name.lower()
