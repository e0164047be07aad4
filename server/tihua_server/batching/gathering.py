"""Waiting for callers who have just been answered, for as long as an answer and a call travel.

Callers who ask again as soon as they are answered come back one by one, in the milliseconds in
which the event loop hands the answers out. A batch that began at once would hold only the first of
them, would compete for the cores with the answers to the others, and these would wait for it:

    at once     │ 1 │ 31                                │ 1 │ 31
    gathered    │  32                               │  32

A lone caller does not wait. A batch does not wait either if fewer than half of the callers that the
last one answered came back in time: their calls are independent of the answers then. Measured,
answers a second (ViT-B-16 in bf16, two cores of Zen 4, three rounds in turns, medians):

    callers without a pause     1     2     4     8    16    32    64
    waiting for nobody         75    83   118   158   210   227   255
    waiting for those answered 84   133   175   215   243   257   258

For a lone caller both are the same; the difference is noise. Calls at random times, 60 a second,
took 28 ms (p50) without waiting and 25 with it. A timer of 5 ms, tried before, gave a lone caller
21 ms a query instead of 14, and one of 10 ms 26.
"""

import asyncio
import math
from collections.abc import Callable

FIRST_S = 0.002
"""How long an answer and the next call take at least, in seconds: what gRPC costs both sides in
Python, where they share two cores."""

EACH_S = 0.0005
"""What each caller adds: 0.3 to 0.4 ms (`rpc_efficiency` of docs/benchmarks.md), plus a margin."""

MAX_SHARE = 0.25
"""The longest wait, as a share of what the batch took: a quick model has little to gain."""


class Gathering:
    """Decides whether a batcher waits for callers it has just answered; of one event loop."""

    def __init__(self, wake: Callable[[], None], clock: Callable[[], float]) -> None:
        """`wake` is called at the end of a wait; `clock` returns seconds from any origin."""
        self._wake = wake
        self._clock = clock
        self._answered = 0
        self._missing = 0
        self._until_s = -math.inf
        self._is_worthwhile = False
        self._alarm: asyncio.TimerHandle | None = None

    def begin(self, answered: int, *, is_alone: bool, took_s: float) -> None:
        """Start waiting after a batch unless it is pointless; `wake` is called at the end.

        Args:
            answered: number of calls that the batch completed.
            is_alone: whether no other call is waiting.
            took_s: duration of the batch, in seconds.
        """
        self.close()
        came_back = 2 * self._missing <= self._answered
        self._is_worthwhile = came_back and not (is_alone and answered == 1)
        self._answered = self._missing = answered
        longest_s = min(FIRST_S + EACH_S * answered, MAX_SHARE * took_s)
        self._until_s = self._clock() + longest_s
        if self._is_worthwhile and answered:
            self._alarm = asyncio.get_running_loop().call_later(longest_s, self._end)

    def called(self) -> None:
        """Record that a call arrived, from any caller."""
        if self._missing and self._clock() < self._until_s:
            self._missing -= 1

    def is_on(self) -> bool:
        """Return whether calls are still awaited."""
        return self._is_worthwhile and self._missing > 0 and self._clock() < self._until_s

    def close(self) -> None:
        """Cancel the timer."""
        if self._alarm is not None:
            self._alarm.cancel()

    def _end(self) -> None:
        # Whatever the clock says: there is no second timer.
        self._is_worthwhile = False
        self._wake()
