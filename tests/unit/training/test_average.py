"""The moving average of the weights."""

import pytest
import torch
from tihua_server.training.average import WeightAverage


def _trained(average: WeightAverage, weight: torch.nn.Parameter, *values: float) -> None:
    for value in values:
        with torch.no_grad():
            weight.fill_(value)
        average.update()


def test_the_mean_lags_behind_a_jump_and_comes_to_rest_at_it() -> None:
    """One step moves the average by a part of the change; many steps by all of it."""
    weight = torch.nn.Parameter(torch.zeros(2))
    average = WeightAverage([weight], decay=0.9)
    _trained(average, weight, *[0.0] * 100, 1.0)
    with average.shown():
        assert weight.tolist() == pytest.approx([0.1, 0.1])
    _trained(average, weight, *[1.0] * 100)
    with average.shown():
        assert weight.tolist() == pytest.approx([1.0, 1.0], abs=1e-3)


def test_the_first_steps_are_soon_forgotten() -> None:
    """However slow the average is, the initial random weights fade within a few hundred steps."""
    weight = torch.nn.Parameter(torch.full((1,), 100.0))
    average = WeightAverage([weight], decay=0.9999)
    _trained(average, weight, *[1.0] * 300)
    average.adopt()
    assert weight.item() == pytest.approx(1.0, abs=0.01)


def test_training_goes_on_from_its_own_weights_after_the_mean_was_shown() -> None:
    """Measuring does not change the weights under training, not even if it fails."""
    weight = torch.nn.Parameter(torch.zeros(1))
    average = WeightAverage([weight], decay=0.5)
    _trained(average, weight, 0.0, 8.0)
    with pytest.raises(RuntimeError, match="disk full"), average.shown():
        assert weight.item() < 8.0
        raise RuntimeError("disk full")
    assert weight.item() == 8.0


def test_a_restored_average_goes_on_as_the_saved_one() -> None:
    """Means and number of steps are both restored."""
    weight = torch.nn.Parameter(torch.zeros(1))
    one = WeightAverage([weight], decay=0.99)
    _trained(one, weight, 1.0, 5.0, 2.0)
    other = WeightAverage([weight], decay=0.99)
    other.restore(one.state())
    found = []
    for average in (one, other):
        _trained(average, weight, 3.0)
        with average.shown():
            found.append(weight.item())
    assert found[0] == found[1] != 3.0
