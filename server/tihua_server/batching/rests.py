"""Pauses after batches, for the batches of other workers that share the processor.

Texts would leave pictures little time: the threads that compute them have the higher priority
(`niceness.py`), and a lone caller that asks again as soon as it is answered takes half of two
cores. Inputs that arrive during a rest become one batch; an occasional query meets no rest.
"""

import asyncio
import math
from collections.abc import Callable

from tihua_server.batching.lane import Lane
from tihua_server.batching.workers import Workers

AFTER_QUERIES = ((0.5, 0.01), (2.5, 0.04))
"""The rest, as a multiple of the batch's duration and a maximum in seconds: beside interactive
pictures, and beside bulk ones. With the first, other callers' pictures keep seven tenths of their
rate (`peers`, docs/benchmarks.md); with the second, an ingestion keeps four fifths (`mixed`)."""

AFTER_BULK = ((3.0, math.inf), (1.0, math.inf))
"""The same after a bulk batch: interactive pictures go first, bulk ones get half of the time."""


class Rests:
    """The rests of a batcher's lanes; belongs to one event loop."""

    def __init__(
        self, beside: Workers, wake: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        """Rest for the batches of `beside`; `wake` is called at the end of a rest."""
        self._beside = beside
        self._wake = wake
        self._clock = clock
        self._until_s = dict.fromkeys(Lane, -math.inf)
        self._alarms: dict[Lane, asyncio.TimerHandle] = {}
        beside.when_idle(wake)

    def begin(self, lane: Lane, took_s: float) -> None:
        """Start the rest after a batch; `wake` is called at its end.

        Args:
            lane: the batch's lane. It rests, and bulk with it.
            took_s: duration of the batch, in seconds.
        """
        is_bulk = lane is Lane.BULK
        other = self._beside.first_lane if is_bulk else self._beside.last_lane
        if other is None:
            return
        factor, max_s = (AFTER_BULK if is_bulk else AFTER_QUERIES)[other]
        until_s = self._clock() + min(factor * took_s, max_s)
        for each in Lane:
            if each >= lane and until_s > self._until_s[each]:
                self._until_s[each] = until_s
                self._cancel(each)
                self._wake_at_end(each)

    def is_on(self, lane: Lane) -> bool:
        """Return whether a lane is resting."""
        return self._beside.last_lane is not None and self._clock() < self._until_s[lane]

    def close(self) -> None:
        """Cancel the timers."""
        for lane in Lane:
            self._cancel(lane)

    def _cancel(self, lane: Lane) -> None:
        if alarm := self._alarms.pop(lane, None):
            alarm.cancel()

    def _wake_at_end(self, lane: Lane) -> None:
        """Call `wake` at the end of a lane's rest, or now if it is over."""
        left_s = self._until_s[lane] - self._clock()
        if left_s > 0:
            self._alarms[lane] = asyncio.get_running_loop().call_later(
                left_s, self._wake_at_end, lane
            )
        else:
            self._wake()
