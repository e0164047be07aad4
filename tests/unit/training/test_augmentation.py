"""Random changes of pictures for a tower under training."""

import pytest
import torch
from tihua_server.training.augmentation import Window, augment

SIDE = 16


def _gradient(count: int) -> torch.Tensor:
    """Return pictures, (count, 32, 32, 3), that brighten from left to right."""
    row = torch.linspace(60, 160, 32)
    return row.view(1, 1, 32, 1).expand(count, 32, 32, 3).to(torch.uint8)


def _slopes(pictures: torch.Tensor) -> torch.Tensor:
    """Return by how much the right half of each picture is brighter than its left."""
    half = pictures.shape[-1] // 2
    return pictures[..., half:].mean(dim=(1, 2, 3)) - pictures[..., :half].mean(dim=(1, 2, 3))


def test_a_changed_picture_has_the_side_and_the_range_that_are_asked_for() -> None:
    """With any window and any tint."""
    pixels = torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8)
    changed = augment(pixels, Window(0.5, 1.7, is_mirrored=True), SIDE)
    assert changed.shape == (8, 3, SIDE, SIDE)
    assert changed.dtype == torch.float32
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_only_what_may_be_mirrored_is() -> None:
    """Letters and arrows keep their direction; about half of the photographs are mirrored."""
    slopes = _slopes(augment(_gradient(64), Window(1.0, 1.0), SIDE))
    assert (slopes > 0).all()
    slopes = _slopes(augment(_gradient(64), Window(1.0, 1.0, is_mirrored=True), SIDE))
    assert 10 < (slopes < 0).sum() < 54


@pytest.mark.parametrize(("side", "expected"), [(0.75, 0.45), (1.0, 0.25), (1.6, 0.10)])
def test_a_window_shows_a_part_or_more_than_the_picture(side: float, expected: float) -> None:
    """A black square of a quarter of the area grows in a small window, and shrinks in a large."""
    pixels = torch.full((64, 32, 32, 3), 200, dtype=torch.uint8)
    pixels[:, 8:24, 8:24] = 0
    changed = augment(pixels, Window(side, side), 64)
    is_black = changed < changed.amax(dim=(1, 2, 3), keepdim=True) / 2
    assert is_black.float().mean().item() == pytest.approx(expected, rel=0.15)


def test_a_seed_fixes_what_is_drawn() -> None:
    """A run that starts over sees the same pictures."""
    pixels = torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8)
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(augment(pixels, Window(0.5, 1.0, is_mirrored=True), SIDE))
    assert torch.equal(*drawn)
