"""The loss that tells pairs apart."""

import pytest
import torch
from tihua_server.training.contrastive import contrastive_loss
from torch.nn import functional

SCORES = torch.tensor([[4.0, 1.0, 2.0], [0.5, 3.0, 1.5], [2.5, 0.0, 5.0]])
OWN = torch.eye(3, dtype=torch.bool)


def test_without_smoothing_it_is_the_cross_entropy_of_both_ways() -> None:
    """As figure 3 of the CLIP paper has it."""
    labels = torch.arange(3)
    both = functional.cross_entropy(SCORES, labels) + functional.cross_entropy(SCORES.T, labels)
    loss = contrastive_loss(SCORES, OWN, label_smoothing=0.0)
    assert loss.item() == pytest.approx(both.item() / 2, abs=1e-6)


def test_what_is_right_too_is_not_pushed_away() -> None:
    """Two pictures of one caption: how near the second is changes nothing, and gets no gradient."""
    is_right = OWN.clone()
    is_right[0, 2] = is_right[2, 0] = True
    scores = SCORES.clone().requires_grad_()
    contrastive_loss(scores, is_right, label_smoothing=0.0).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert scores.grad[0, 2] == scores.grad[2, 0] == 0
    assert scores.grad[0, 1] > 0 > scores.grad[0, 0]


def test_smoothing_spreads_its_share_evenly_over_the_wrong() -> None:
    """Equal scores make all logarithms equal, so the share does not matter."""
    even = torch.zeros(4, 4)
    own = torch.eye(4, dtype=torch.bool)
    without = contrastive_loss(even, own, label_smoothing=0.0)
    smoothed = contrastive_loss(even, own, label_smoothing=0.3)
    assert smoothed.item() == pytest.approx(without.item())


def test_a_confident_model_is_checked_by_smoothing() -> None:
    """Else the scale would grow without end."""
    confident = 100 * torch.eye(3)
    assert contrastive_loss(confident, OWN, label_smoothing=0.0).item() == pytest.approx(0)
    assert contrastive_loss(confident, OWN, label_smoothing=0.1).item() > 1
