"""The estimated cost of a batch, with numbers."""

import math

import pytest
from tihua_server.batching.cost import REMEMBERED, BatchCost


def learned(*batches: tuple[int, float]) -> BatchCost:
    """Return an estimate from these batches, after a first one, which does not count."""
    cost = BatchCost()
    for size, seconds in ((1, 60.0), *batches):
        cost.learn(size, seconds)
    return cost


def test_nothing_is_expected_to_be_quick_before_anything_was_measured() -> None:
    """Until then a batch has one input."""
    assert BatchCost().seconds(1) == math.inf
    assert BatchCost().fixed_size() == 0


def test_the_first_batch_is_left_out() -> None:
    """A model that loads something lazily must not count as slow afterwards."""
    assert learned((10, 0.1)).seconds(10) == pytest.approx(0.1)


def test_a_fixed_part_and_a_part_per_unit_are_told_apart() -> None:
    """From batches of different sizes, 4 ms and 0.25 ms a unit are recovered."""
    cost = learned(*((size, 0.004 + 0.00025 * size) for size in range(8, 8 + 16 * 32, 32)))
    assert cost.seconds(1_000) == pytest.approx(0.254, rel=0.05)
    assert cost.fixed_size() == pytest.approx(16, rel=0.25)


def test_noise_among_batches_of_one_size_is_no_trend() -> None:
    """If sizes hardly differ, cost is taken to grow with size, whatever the noise says."""
    cost = learned((8, 0.009), (9, 0.007), (8, 0.010), (9, 0.006))
    assert cost.seconds(80) == pytest.approx(10 * cost.seconds(8), rel=0.2)


def test_a_hiccup_of_a_small_batch_makes_no_batch_free() -> None:
    """A small batch that took a second must not let large ones look cheap."""
    cost = learned((1, 1.0), (100, 0.1), (100, 0.1))
    assert cost.seconds(200) > cost.seconds(100) > 0


def test_a_hiccup_is_forgotten() -> None:
    """Only the latest batches count."""
    cost = learned((1, 1.0), *((10, 0.1) for _ in range(REMEMBERED)))
    assert cost.seconds(10) == pytest.approx(0.1)


def test_an_input_takes_its_part_of_a_usual_batch() -> None:
    """It is 0 before anything was measured, and ignores a batch that was held up."""
    assert BatchCost().of_input(8) == 0
    assert learned((10, 0.1), (20, 0.2), (10, 60.0)).of_input(4) == pytest.approx(0.04)
