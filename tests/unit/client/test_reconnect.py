"""When to try again after a break, by a clock that stands still."""

import pytest
from clock import Clock
from tihua import (
    DeadlineError,
    InvalidRequestError,
    OverloadedError,
    TihuaError,
    UnavailableError,
)
from tihua._reconnect import Reconnect


def test_delays_grow_to_a_bound_and_are_jittered() -> None:
    """Each is between half of its ceiling and all of it: 0.1 s, 0.2 s, … 5 s."""
    reconnect = Reconnect(1_000.0, now=Clock())
    ceilings = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    delays = [reconnect.delay_after(UnavailableError("away"), 0) for _ in ceilings]
    assert all(c / 2 <= delay <= c for c, delay in zip(ceilings, delays, strict=True))
    assert len(set(delays)) == len(delays)


def test_an_outage_of_a_day_is_waited_for_like_one_of_a_minute() -> None:
    """However often it was tried by then."""
    clock = Clock()
    reconnect = Reconnect(100_000.0, now=clock)
    delay = 0.0
    while clock.now_s < 86_400.0:
        delay = reconnect.delay_after(UnavailableError("away"), 0)
        clock.now_s += delay
    assert 2.5 <= delay <= 5.0


def test_it_is_given_up_when_nothing_got_through_for_the_timeout() -> None:
    """Counted from the first break."""
    clock = Clock()
    reconnect = Reconnect(10.0, now=clock)
    reconnect.delay_after(UnavailableError("first"), 3)
    clock.now_s += 9.0
    reconnect.delay_after(UnavailableError("second"), 3)
    clock.now_s += 1.0
    with pytest.raises(UnavailableError, match="third"):
        reconnect.delay_after(UnavailableError("third"), 3)


def test_progress_starts_the_timeout_anew() -> None:
    """A server that breaks every minute but moves on is not given up."""
    clock = Clock()
    reconnect = Reconnect(10.0, now=clock)
    for progress in range(5):
        assert reconnect.delay_after(UnavailableError("away"), progress) <= 0.1
        clock.now_s += 60.0


def test_long_work_before_the_first_break_does_not_count() -> None:
    """Only what comes after a break does."""
    clock = Clock()
    reconnect = Reconnect(10.0, now=clock)
    clock.now_s += 3_600.0
    assert reconnect.delay_after(UnavailableError("away"), 0) > 0


def test_a_busy_server_is_left_alone_as_long_as_it_asks() -> None:
    """`retry_after` is the least delay."""
    error = OverloadedError("busy")
    error.retry_after = 7.0
    assert Reconnect(60.0, now=Clock()).delay_after(error, 0) == 7.0


def test_each_outage_is_told_once() -> None:
    """Attempts of one outage are not told again; a break after progress is."""
    told: list[TihuaError] = []
    reconnect = Reconnect(60.0, on_break=told.append, now=Clock())
    errors = [UnavailableError(name) for name in ("first", "again", "second", "again")]
    for error, progress in zip(errors, (0, 0, 1, 1), strict=True):
        reconnect.delay_after(error, progress)
    assert told == [errors[0], errors[2]]


def test_a_break_that_is_the_end_is_raised_and_not_told() -> None:
    """It is the caller's to tell."""
    told: list[TihuaError] = []
    with pytest.raises(UnavailableError):
        Reconnect(0.0, on_break=told.append, now=Clock()).delay_after(UnavailableError("away"), 0)
    assert told == []


def test_an_error_that_does_not_pass_is_raised() -> None:
    """Trying again would only repeat it."""
    with pytest.raises(InvalidRequestError):
        Reconnect(60.0, now=Clock()).delay_after(InvalidRequestError("wrong"), 0)


def test_an_unavailable_server_that_waiting_does_not_help_is_raised() -> None:
    """Nor is anybody told that it is tried again."""
    told: list[TihuaError] = []
    error = UnavailableError("its certificate has expired")
    error.may_pass = False
    with pytest.raises(UnavailableError, match="expired"):
        Reconnect(60.0, on_break=told.append, now=Clock()).delay_after(error, 0)
    assert told == []


def test_a_server_that_answers_too_late_is_one_that_is_away() -> None:
    """Its store may be coming back; it is asked again as long as any other."""
    assert Reconnect(60.0, now=Clock()).delay_after(DeadlineError("late"), 0) <= 0.1


def test_a_stream_that_rested_too_long_is_no_outage() -> None:
    """It is opened again however often the server ends it, and nobody is told that it is gone."""
    told: list[TihuaError] = []
    clock = Clock()
    reconnect = Reconnect(1.0, on_break=told.append, now=clock)
    for rests in range(5):
        error = UnavailableError("rested", reason="STREAM_IDLE")
        assert reconnect.delay_after(error, rests) <= 0.1
        clock.now_s += 300.0
    assert told == []


def test_a_stream_that_is_ended_as_idle_while_it_sends_is_given_up() -> None:
    """A batch that takes longer than the server's idle timeout would be sent again for ever."""
    clock = Clock()
    reconnect = Reconnect(60.0, now=clock)
    reconnect.delay_after(UnavailableError("rested", reason="STREAM_IDLE"), 3)
    clock.now_s += 300.0
    with pytest.raises(UnavailableError, match="rested"):
        reconnect.delay_after(UnavailableError("rested", reason="STREAM_IDLE"), 3)
