"""Counts the open streams of each client, and limits them."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from tihua_server.errors import TooManyStreams

RETRY_AFTER_S = 5.0
"""When a client that has too many may try again, in seconds: streams last minutes to hours."""


class Streams:
    """Counts the streams of each client."""

    def __init__(self, limit: int) -> None:
        """Set how many streams a client may have."""
        self._limit = limit
        self._open: Counter[str] = Counter()

    @contextlib.contextmanager
    def held(self, client: str) -> Iterator[None]:
        """Count a stream of a client while it is open.

        Raises:
            TooManyStreams: the client has as many as it may have.
        """
        if self._open[client] >= self._limit:
            raise TooManyStreams(
                f"{client} has {self._limit} streams open, which is the limit of a client; "
                "wait for one to end, or send more over each",
                retry_after_s=RETRY_AFTER_S,
            )
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]
