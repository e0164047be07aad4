"""Rests after batches, for another model's batches that share the processor.

What computes texts would leave pictures little: its threads have the higher priority
(`niceness.py`), and a lone caller that asks again as soon as it is answered takes half of two
cores. What arrives during a rest gathers into one batch; who asks now and then meets none.
"""

import asyncio
import math
from collections.abc import Callable

from tihua_server.workers import Workers

AFTER_QUERIES = ((0.5, 0.01), (2.5, 0.04))
"""The rest as a multiple of what the batch took, and at most in seconds: beside pictures for which
somebody waits, and beside bulk. With the first other callers' pictures keep seven tenths of their
rate (`peers`, docs/benchmarks.md), with the second an ingestion keeps four fifths (`mixed`)."""

AFTER_BULK = ((3.0, math.inf), (1.0, math.inf))
"""The same after a batch of bulk: pictures for which somebody waits go before it, and with bulk it
shares the time."""


class Rests:
    """Until when each lane of a batcher rests; belongs to one event loop."""

    def __init__(
        self, beside: Workers, wake: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        """Take whose batches to rest for, what is called at the end of a rest, and a clock."""
        self._beside = beside
        self._wake = wake
        self._clock = clock
        self._until_s = [-math.inf, -math.inf]
        self._alarms: list[asyncio.TimerHandle | None] = [None, None]
        beside.when_idle(wake)

    def begin(self, lane: int, took_s: float) -> None:
        """Begin the rest after a batch.

        Args:
            lane: of the batch, 0 being that of those who wait. It rests, and bulk with it.
            took_s: what the batch took.
        """
        other = self._beside.first_lane if lane else self._beside.last_lane
        if other is None:
            return
        factor, max_s = (AFTER_BULK if lane else AFTER_QUERIES)[other]
        until_s = self._clock() + min(factor * took_s, max_s)
        for each in range(lane, len(self._until_s)):
            self._until_s[each] = max(self._until_s[each], until_s)

    def is_on(self, lane: int) -> bool:
        """Return whether a lane rests now; if so, its end will be told."""
        if self._beside.last_lane is None:
            return False
        left_s = self._until_s[lane] - self._clock()
        if left_s > 0 and self._alarms[lane] is None:
            loop = asyncio.get_running_loop()
            self._alarms[lane] = loop.call_later(left_s, self._end, lane)
        return left_s > 0

    def close(self) -> None:
        """Tell nobody any more."""
        for alarm in self._alarms:
            if alarm is not None:
                alarm.cancel()

    def _end(self, lane: int) -> None:
        self._alarms[lane] = None
        self._wake()
