"""A fake clock, so that no test has to wait."""


class Clock:
    """A clock that only tests advance, in seconds."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.now_s = 12 * 3600.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s
