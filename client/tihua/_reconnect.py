"""When to retry after a break, and when to give up; without I/O."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tihua.errors import DeadlineError, OverloadedError, TihuaError, UnavailableError

STREAM_IDLE = "STREAM_IDLE"
"""The reason with which a server ends an idle stream.

With progress that is no outage. Without, it is: the server got no whole batch within its idle
timeout, and the same batch would be sent again forever.
"""

_FIRST_DELAY_S = 0.1
_MAX_DELAY_S = 5.0
_MAX_DOUBLINGS = 6
"""Enough to reach the maximum delay; unbounded, the power would overflow a float in two hours."""

_Answer = TypeVar("_Answer")


class Reconnect:
    """Exponential backoff with jitter, until there was no progress for too long.

    Up to half of each delay is random (a fifth in github.com/grpc/grpc, doc/connection-backoff.md),
    so that the clients of a server that restarts do not all come back at once.
    """

    def __init__(
        self,
        timeout_s: float,
        *,
        on_break: Callable[[TihuaError], None] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without a break.

        Args:
            timeout_s: how long to retry after a break without progress, in seconds; 0 gives up at
                once.
            on_break: called with the error of a break that will be retried, once until there is
                progress again.
            now: the clock, in seconds.
        """
        self._timeout_s = timeout_s
        self._on_break = on_break
        self._now = now
        self._progress = -1
        self._attempts = 0
        self._broken_since = 0.0

    def delay_after(self, error: TihuaError, progress: int) -> float:
        """Return how long to wait before the next attempt, in seconds.

        Args:
            error: the error that the stream broke with.
            progress: a number that has grown if there was progress since the previous break.

        Raises:
            TihuaError: `error` itself, if a retry can't help, or the break has lasted too long.
        """
        if not _may_pass(error):
            raise error
        now = self._now()
        if progress > self._progress:
            self._progress = progress
            self._attempts = 0
            self._broken_since = now
            if error.reason == STREAM_IDLE:
                return _FIRST_DELAY_S
        ceiling = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** min(self._attempts, _MAX_DOUBLINGS))
        delay = random.uniform(ceiling / 2, ceiling)  # noqa: S311  # jitter is no secret
        if isinstance(error, OverloadedError):
            delay = max(delay, error.retry_after)
        if now + delay > self._broken_since + self._timeout_s:
            raise error
        if self._attempts == 0 and self._on_break is not None:
            self._on_break(error)
        self._attempts += 1
        return delay


def _may_pass(error: TihuaError) -> bool:
    if isinstance(error, UnavailableError):
        return error.may_pass
    return isinstance(error, OverloadedError | DeadlineError)


def answered(
    call: Callable[[], _Answer], reconnect: Reconnect, *, progress: Callable[[], int] = lambda: 0
) -> _Answer:
    """Return the result of a blocking call, retried as `reconnect` allows.

    Args:
        call: a call that is safe to repeat.
        reconnect: for this call alone.
        progress: returns a number that has grown if a call that failed made progress.

    Raises:
        TihuaError: the call failed in a way that a retry can't help, or for too long.
    """
    while True:
        try:
            return call()
        except TihuaError as error:
            time.sleep(reconnect.delay_after(error, progress()))


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """The `Reconnect` policy of each of many calls.

    Attributes:
        timeout_s: as for `Reconnect`.
        on_break: as for `Reconnect`.
    """

    timeout_s: float
    on_break: Callable[[TihuaError], None] | None = None

    def reconnect(self) -> Reconnect:
        """Return the policy of one call."""
        return Reconnect(self.timeout_s, on_break=self.on_break)

    def answer(
        self, call: Callable[[], _Answer], *, progress: Callable[[], int] = lambda: 0
    ) -> _Answer:
        """Return the result of a blocking call, retried while the server is unavailable.

        Args:
            call: a call that is safe to repeat.
            progress: returns a number that has grown if a call that failed made progress.

        Raises:
            TihuaError: the call failed in a way that a retry can't help, or for too long.
        """
        return answered(call, self.reconnect(), progress=progress)
