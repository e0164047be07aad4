"""Retries after a server was full, with the delay that it asks for; without I/O.

gRPC itself retries calls that fail with UNAVAILABLE (`_channel.py`). RESOURCE_EXHAUSTED with
RetryInfo is handled here: the server refused before it did anything, so any call may be retried,
and it says when. So is a single query that is UNAVAILABLE in a call that is OK (`_query_batch.py`).
"""

import random
import threading
import time
from collections.abc import Callable

from tihua.errors import OverloadedError, UnavailableError

MAX_ATTEMPTS = 4
"""Attempts of one call, including the first."""

UNAVAILABLE_DELAY_S = 0.1
"""The first delay for a server or store that is unavailable: a second over all attempts, as with
gRPC's own retry policy."""

_MAX_TOKENS = 100.0
_TOKEN_RATIO = 0.1


class RetryBudget:
    """The retry budget of all calls of a client, as in gRPC's own retry throttling (proposal A6).

    Each refusal costs a token and each success returns a tenth of one; below half of the tokens
    nothing is retried. So a server that stays full gets at most 50 retries, and then one for every
    ten calls that succeed.
    """

    def __init__(self) -> None:
        """Start with all tokens."""
        self._tokens = _MAX_TOKENS
        self._lock = threading.Lock()

    def refused(self) -> bool:
        """Record a refusal; return whether the call may be retried."""
        with self._lock:
            self._tokens = max(0.0, self._tokens - 1.0)
            return self._tokens >= _MAX_TOKENS / 2

    def succeeded(self) -> None:
        """Record a success."""
        if self._tokens < _MAX_TOKENS:
            with self._lock:
                self._tokens = min(_MAX_TOKENS, self._tokens + _TOKEN_RATIO)


class CallRetries:
    """The retry policy of one call while the server is full.

    Attributes:
        timeout_s: limit of all attempts together, in seconds.
    """

    def __init__(
        self,
        budget: RetryBudget,
        timeout_s: float,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock of the call.

        Args:
            budget: the client's retry budget.
            timeout_s: limit of all attempts together, in seconds.
            now: the clock, in seconds.
        """
        self.timeout_s = timeout_s
        self._budget = budget
        self._now = now
        self._deadline_s = now() + timeout_s
        self._attempts = 0

    @property
    def left_s(self) -> float:
        """Return the remaining time, in seconds."""
        return self._deadline_s - self._now()

    def delay_after(self, error: OverloadedError | UnavailableError) -> float:
        """Return how long to wait before the next attempt, in seconds.

        It starts with what the server asks for (`asked_delay_s`), doubles with each attempt, and
        has up to 50 % of jitter, so that clients refused together do not come back together.

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
        """Record that the call succeeded."""
        self._budget.succeeded()


def asked_delay_s(error: OverloadedError | UnavailableError) -> float:
    """Return the delay that the server asks for, or the default if it asks for none, in seconds."""
    return error.retry_after if isinstance(error, OverloadedError) else UNAVAILABLE_DELAY_S
