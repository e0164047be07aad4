"""The contrastive loss."""

import pytest
import torch
from tihua_server.training.contrastive import contrastive_loss, described, same, twin_loss
from torch.nn import functional

SCORES = torch.tensor([[4.0, 1.0, 2.0], [0.5, 3.0, 1.5], [2.5, 0.0, 5.0]])
OWN = torch.eye(3, dtype=torch.bool)


def test_without_smoothing_it_is_the_cross_entropy_of_both_ways() -> None:
    """As in figure 3 of the CLIP paper."""
    labels = torch.arange(3)
    both = functional.cross_entropy(SCORES, labels) + functional.cross_entropy(SCORES.T, labels)
    loss = contrastive_loss(SCORES, OWN, OWN, label_smoothing=0.0)
    assert loss.item() == pytest.approx(both.item() / 2, abs=1e-6)


def test_what_is_right_too_is_not_pushed_away() -> None:
    """Two pictures of one caption: how near the second is changes nothing, and gets no gradient."""
    is_right = OWN.clone()
    is_right[0, 2] = is_right[2, 0] = True
    scores = SCORES.clone().requires_grad_()
    contrastive_loss(scores, OWN, is_right, label_smoothing=0.0).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert scores.grad[0, 2] == scores.grad[2, 0] == 0
    assert scores.grad[0, 1] > 0 > scores.grad[0, 0]


def test_smoothing_spreads_its_share_evenly_over_the_wrong() -> None:
    """Equal scores make all logarithms equal, so the share does not matter."""
    even = torch.zeros(4, 4)
    own = torch.eye(4, dtype=torch.bool)
    without = contrastive_loss(even, own, own, label_smoothing=0.0)
    smoothed = contrastive_loss(even, own, own, label_smoothing=0.3)
    assert smoothed.item() == pytest.approx(without.item())


def test_a_confident_model_is_checked_by_smoothing() -> None:
    """Otherwise the scale would grow without bound."""
    confident = 100 * torch.eye(3)
    assert contrastive_loss(confident, OWN, OWN, label_smoothing=0.0).item() == pytest.approx(0)
    assert contrastive_loss(confident, OWN, OWN, label_smoothing=0.1).item() > 1


def test_several_texts_of_a_picture_do_not_compete() -> None:
    """Each competes only with the texts of the other pictures."""
    own = torch.tensor([[True, True, False], [False, False, True]])
    scores = torch.zeros(2, 3, requires_grad=True)
    contrastive_loss(scores, own, own, label_smoothing=0.0).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert (scores.grad[own] < 0).all()
    assert (scores.grad[~own] > 0).all()


def test_a_twin_is_found_by_its_score() -> None:
    """The nearer the other picture of the same thing, the smaller the loss."""
    is_same = torch.eye(4, dtype=torch.bool)
    is_same[0, 1] = is_same[1, 0] = True
    near = torch.zeros(4, 4)
    near[0, 1] = near[1, 0] = 5.0
    far = twin_loss(torch.zeros(4, 4), is_same, label_smoothing=0.0)
    assert far.item() == pytest.approx(torch.tensor(3.0).log().item(), abs=1e-5)
    assert twin_loss(near, is_same, label_smoothing=0.0) < 0.1 * far


def test_without_twins_there_is_nothing_to_find() -> None:
    """As with photographs alone: the loss is 0."""
    scores = torch.ones(3, 3, requires_grad=True)
    loss = twin_loss(scores, OWN, label_smoothing=0.1)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0


def test_pictures_of_one_thing_are_the_same() -> None:
    """🐎 of two sets, and each picture with itself."""
    assert same(["1f40e", "1f319", "1f40e"]).tolist() == [
        [True, False, True],
        [False, True, False],
        [True, False, True],
    ]


def test_a_text_describes_every_picture_that_has_it() -> None:
    """Two photographs may have a caption in common, and a text may be drawn twice."""
    texts = [("一只狗", "狗在跑"), ("一只狗",), ("一座桥",)]
    assert described(texts, ["狗在跑", "一只狗", "一座桥", "一只狗"]).tolist() == [
        [True, True, False, True],
        [False, True, False, True],
        [False, False, True, False],
    ]
