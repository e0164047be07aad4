"""How often and how long a call waits for a server that is full, by a clock that stands still."""

import pytest
from tihua import OverloadedError, UnavailableError
from tihua._call_retries import MAX_ATTEMPTS, CallRetries, RetryBudget


def busy(retry_after: float = 1.0) -> OverloadedError:
    """Return the error of a server that is full."""
    error = OverloadedError("the queue is full")
    error.retry_after = retry_after
    return error


def retries(timeout_s: float, budget: RetryBudget | None = None) -> CallRetries:
    """Return that of a call that has just begun."""
    return CallRetries(budget or RetryBudget(), timeout_s, now=lambda: 3_600.0)


def test_a_full_server_is_waited_for_as_long_as_it_asks_and_longer_each_time() -> None:
    """Jitter comes on top, so that it is never asked too early."""
    call = retries(1_000.0)
    for ceiling, least in ((1.5, 1.0), (3.0, 2.0), (6.0, 4.0)):
        assert least <= call.delay_after(busy()) <= ceiling


def test_a_store_that_is_away_is_waited_for_about_as_long_as_grpc_would() -> None:
    """It doesn't say how long it takes."""
    call = retries(1_000.0)
    delays = [call.delay_after(UnavailableError("away")) for _ in range(MAX_ATTEMPTS - 1)]
    assert 0.7 <= sum(delays) <= 1.05


def test_the_last_attempt_is_the_end() -> None:
    """With the server's own error."""
    call = retries(1_000.0)
    for _ in range(MAX_ATTEMPTS - 1):
        call.delay_after(busy())
    with pytest.raises(OverloadedError, match="the queue is full"):
        call.delay_after(busy())


def test_nobody_waits_beyond_the_timeout() -> None:
    """The error comes at once, and not when it would have been too late."""
    with pytest.raises(OverloadedError):
        retries(1.0).delay_after(busy(1.0))


def test_a_server_that_stays_full_is_not_asked_again_by_everybody() -> None:
    """The budget is the client's; what succeeds refills it."""
    budget = RetryBudget()
    repeated = 0
    for _ in range(200):
        try:
            retries(1_000.0, budget).delay_after(busy())
            repeated += 1
        except OverloadedError:
            pass
    assert repeated == 50
    for _ in range(1_000):
        budget.succeeded()
    assert retries(1_000.0, budget).delay_after(busy()) > 0
