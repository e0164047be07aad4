"""Waiting for a server that is full, as long as it asks for; knows no network.

gRPC itself repeats what fails with UNAVAILABLE (`_channel.py`). RESOURCE_EXHAUSTED with RetryInfo
is handled here: the server refused before it did anything, so any call may be repeated, and it says
when. So is one query of many that is UNAVAILABLE, in a call that is OK (`_query_batch.py`).
"""

import random
import threading
import time
from collections.abc import Callable

from tihua.errors import OverloadedError, UnavailableError

MAX_ATTEMPTS = 4
"""Times that one call is tried."""

UNAVAILABLE_DELAY_S = 0.1
"""How long to wait at first for a server or store that is away: a second in all, as with
gRPC's own retry policy."""

_MAX_TOKENS = 100.0
_TOKEN_RATIO = 0.1


class RetryBudget:
    """How much all calls of a client may repeat, as gRPC's own throttling has it (proposal A6).

    Each refusal costs a token and each success gives a tenth back; below half of them nothing is
    repeated. So at most 50 repetitions meet a server that stays full, and then one for ten calls
    that succeed.
    """

    def __init__(self) -> None:
        """Begin with all tokens."""
        self._tokens = _MAX_TOKENS
        self._lock = threading.Lock()

    def refused(self) -> bool:
        """Take note of a refusal; return whether the call may be repeated."""
        with self._lock:
            self._tokens = max(0.0, self._tokens - 1.0)
            return self._tokens >= _MAX_TOKENS / 2

    def succeeded(self) -> None:
        """Take note of a success."""
        if self._tokens < _MAX_TOKENS:
            with self._lock:
                self._tokens = min(_MAX_TOKENS, self._tokens + _TOKEN_RATIO)


class Patience:
    """How often and how long one call waits for a server that is full.

    Attributes:
        timeout_s: how long the call may take, all attempts together, in seconds.
    """

    def __init__(
        self,
        budget: RetryBudget,
        timeout_s: float,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin the call.

        Args:
            budget: of the client.
            timeout_s: how long the call may take, all attempts together, in seconds.
            now: the clock, in seconds.
        """
        self.timeout_s = timeout_s
        self._budget = budget
        self._now = now
        self._deadline_s = now() + timeout_s
        self._attempts = 0

    @property
    def left_s(self) -> float:
        """Return what is left of the timeout, in seconds."""
        return self._deadline_s - self._now()

    def delay_after(self, error: OverloadedError | UnavailableError) -> float:
        """Return how long to wait before the next attempt, in seconds.

        It is what the server asks for (`asked_delay_s`), twice as long each time, and up to half of
        that again at random, so that those who were refused together do not come back together.

        Raises:
            TihuaError: `error` itself, if there is to be no other attempt.
        """
        may_repeat = self._budget.refused()
        delay = asked_delay_s(error) * (1 << self._attempts) * random.uniform(1.0, 1.5)  # noqa: S311
        self._attempts += 1
        if not may_repeat or self._attempts == MAX_ATTEMPTS or delay >= self.left_s:
            raise error
        return delay

    def succeeded(self) -> None:
        """Take note that the call was answered."""
        self._budget.succeeded()


def asked_delay_s(error: OverloadedError | UnavailableError) -> float:
    """Return how long the server asks to wait, or, where it does not say, what is usual."""
    return error.retry_after if isinstance(error, OverloadedError) else UNAVAILABLE_DELAY_S
