"""Who goes first."""

import enum


class Lane(enum.Enum):
    """Who waits: somebody for an answer, or a stream for its end; in this order they are served."""

    INTERACTIVE = "interactive"
    BULK = "bulk"
