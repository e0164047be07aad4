"""The benchmark's own arithmetic: percentiles, targets, and how many calls are in flight."""

import asyncio

import pytest
from bench.figure import at_least, at_most, ratio_figure, shown
from bench.load import Call, Load, drive, percentile


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 50), (99, 99), (100, 100)])
def test_a_percentile_is_the_nearest_rank(percent: float, expected: int) -> None:
    """Of a hundred values the p99 is the ninety-ninth, whatever their order."""
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_a_target_is_met_at_its_bound() -> None:
    """The bound itself is enough, from above and from below."""
    assert at_least(4.5).is_met(4.5)
    assert not at_least(4.5).is_met(4.4)
    assert at_most(3).is_met(3)
    assert not at_most(3).is_met(3.1)


def test_headroom_is_one_at_the_bound_and_more_beyond() -> None:
    """Twice as good is 2; a cosine is judged by its distance to 1; nothing lost has no number."""
    assert at_least(4.5).headroom(9) == 2
    assert at_most(3).headroom(1.5) == 2
    assert at_least(0.99, ideal=1).headroom(0.995) == pytest.approx(2)
    assert at_most(0).headroom(0) is None


def test_a_ratio_is_that_of_the_medians() -> None:
    """One bad round does not move it."""
    figure = ratio_figure(
        "name",
        "what",
        rounds=[(10, 2), (12, 4), (1, 3)],
        unit="images/s",
        against="them",
        target=at_least(3),
    )
    assert (figure.ours, figure.baseline) == (10, 3)
    assert figure.is_met


async def test_as_many_calls_are_in_flight_as_asked_for() -> None:
    """Never more, and no fewer while inputs are left; each input is sent once."""
    under_way, most, seen = 0, 0, []

    async def call(value: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        seen.append(value)
        under_way -= 1

    load = await drive(call, range(20), in_flight=4)
    assert most == 4
    assert sorted(seen) == list(range(20))
    assert len(load.calls) == 20


async def test_a_failing_call_ends_the_load() -> None:
    """Its error is raised, and nothing is sent any more."""
    sent = []

    async def call(value: int) -> None:
        sent.append(value)
        await asyncio.sleep(0)
        if value == 1:
            raise ValueError

    with pytest.raises(ValueError):
        await drive(call, range(100), in_flight=2)
    assert len(sent) < 10


def test_a_part_of_a_load_holds_what_lies_within() -> None:
    """Calls that began before or ended after are left out; the rate counts those that ended."""
    load = Load([Call(0.0, 2.0), Call(1.5, 1.0), Call(2.0, 5.0)], seconds=7.0)
    assert load.within(1.0, 3.0).calls == [Call(1.5, 1.0)]
    assert load.rate_between(1.0, 3.0) == 1.0


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (5.123, "×", "5.12×"),
        (1234.5, "texts/s", "1 234 texts/s"),
        (21.04, "images/s", "21.0 images/s"),
        (0.05, "s", "0.050 s"),
        (0.126, "×", "0.126×"),
        (0.99995, "cosine", "0.99995"),
        (0, "lost", "0 lost"),
    ],
)
def test_numbers_have_the_digits_worth_reading(value: float, unit: str, expected: str) -> None:
    """Three or so, with thousands apart."""
    assert shown(value, unit) == expected
