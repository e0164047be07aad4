"""The longest expected duration of a batch; less for bulk after an interactive call."""

from collections.abc import Callable

from tihua_server.batching.lane import Lane
from tihua_server.batching.workers import Workers

RECENT_S = 30.0
"""How long after an interactive call another one is expected, in seconds."""

BULK_BATCH_S = 0.05
"""Longest expected duration of a bulk batch of several inputs after a recent interactive call, in
seconds: the next call has to wait for it. Where texts have a thread of their own, text queries do
not wait for batches of pictures, and do not shorten them."""

LONE_BULK_BATCH_S = 0.2
"""The same without a recent interactive call. With it ViT-B-16 takes 10.3 s for 500 texts of 45
characters (two cores of Zen 4), and with 0.4 too; 11.7 s with 0.1, and 12 to 16 s with 0.05."""


class BatchBound:
    """The longest expected duration of a batcher's batches, by lane."""

    def __init__(self, max_batch_s: float, *watched: Workers, clock: Callable[[], float]) -> None:
        """Bound all batches by `max_batch_s`, bulk batches also by recent interactive calls.

        Args:
            max_batch_s: longest expected duration of a batch in any lane, in seconds.
            watched: an interactive call to any of these shortens bulk batches.
            clock: seconds from any origin; the workers' `last_interactive_s` must use the same.
        """
        self._max_batch_s = max_batch_s
        self._watched = watched
        self._clock = clock

    def seconds(self, lane: Lane) -> float:
        """Return the longest expected duration of a batch of several inputs, in seconds."""
        if lane is not Lane.BULK:
            return self._max_batch_s
        last_s = max(workers.last_interactive_s for workers in self._watched)
        is_recent = self._clock() - last_s < RECENT_S
        return min(self._max_batch_s, BULK_BATCH_S if is_recent else LONE_BULK_BATCH_S)
