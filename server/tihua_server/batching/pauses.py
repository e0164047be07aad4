"""Pauses after batches, for the batches of other workers that share the processor.

Texts would leave pictures little time: the threads that compute them have the higher priority
(`niceness.py`), and a lone caller that asks again as soon as it is answered takes half of two
cores. Inputs that arrive during a pause become one batch; an occasional query meets none.
"""

import asyncio
import math
from collections.abc import Callable
from typing import NamedTuple

from tihua_server.batching.lane import Lane
from tihua_server.batching.workers import Workers


class Pause(NamedTuple):
    """How long a pause is.

    Attributes:
        share: of the duration of the batch before it.
        max_s: its maximum, in seconds.
    """

    share: float
    max_s: float


AFTER: dict[tuple[Lane, Lane], Pause] = {
    (Lane.INTERACTIVE, Lane.INTERACTIVE): Pause(0.5, 0.01),
    (Lane.INTERACTIVE, Lane.BULK): Pause(2.5, 0.04),
    (Lane.BULK, Lane.INTERACTIVE): Pause(3.0, math.inf),
    (Lane.BULK, Lane.BULK): Pause(1.0, math.inf),
}
"""The pause by the lane of the batch, and that of the pictures beside it.

With the first, other callers' pictures keep seven tenths of their rate (`peers`,
docs/benchmarks.md); with the second, an ingest keeps four fifths (`mixed`). After a bulk batch,
interactive pictures go first, and bulk ones get half of the time."""


class Pauses:
    """The pauses of a batcher's lanes; belongs to one event loop."""

    def __init__(
        self, beside: Workers, wake: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        """Pause for the batches of `beside`; `wake` is called at the end of a pause."""
        self._beside = beside
        self._wake = wake
        self._clock = clock
        self._until_s = dict.fromkeys(Lane, -math.inf)
        self._alarms: dict[Lane, asyncio.TimerHandle] = {}
        beside.when_idle(wake)

    def begin(self, lane: Lane, took_s: float) -> None:
        """Start the pause after a batch; `wake` is called at its end.

        Args:
            lane: the batch's lane. It pauses, and bulk with it.
            took_s: duration of the batch, in seconds.
        """
        # Bulk yields to any interactive picture; queries leave more to those of an ingest.
        is_bulk = lane is Lane.BULK
        other = self._beside.first_lane if is_bulk else self._beside.last_lane
        if other is None:
            return
        pause = AFTER[lane, other]
        until_s = self._clock() + min(pause.share * took_s, pause.max_s)
        for each in Lane:
            if each >= lane and until_s > self._until_s[each]:
                self._until_s[each] = until_s
                self._cancel(each)
                self._wake_at_end(each)

    def is_on(self, lane: Lane) -> bool:
        """Return whether a lane is pausing."""
        return self._beside.last_lane is not None and self._clock() < self._until_s[lane]

    def close(self) -> None:
        """Cancel the timers."""
        for lane in Lane:
            self._cancel(lane)

    def _cancel(self, lane: Lane) -> None:
        if alarm := self._alarms.pop(lane, None):
            alarm.cancel()

    def _wake_at_end(self, lane: Lane) -> None:
        """Call `wake` at the end of a lane's pause, or now if it is over."""
        left_s = self._until_s[lane] - self._clock()
        if left_s > 0:
            self._alarms[lane] = asyncio.get_running_loop().call_later(
                left_s, self._wake_at_end, lane
            )
        else:
            self._wake()
