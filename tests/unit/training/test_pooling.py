"""The features of a training step, as they were and as they are."""

import pytest
import torch
from tihua_server.tiny_network import BLOCK_COUNT, POOLED_CHANNELS, ImageTower, NetworkShape
from tihua_server.training.album import Album, Pick
from tihua_server.training.pooling import Pooling


class _Things:
    name = "things"

    def __len__(self) -> int:
        return 3

    def texts(self, index: int) -> tuple[str, ...]:
        return (str(index),)

    def group(self, index: int) -> str:
        return str(index)


PICKS = [Pick(0, 0, 0), Pick(1, 2, 0), Pick(0, 1, 0)]
"""Pictures of the first album, and features alone of the second."""


@pytest.fixture
def tower() -> ImageTower:
    """A tower of random weights."""
    torch.manual_seed(0)
    return ImageTower(NetworkShape(image_size=32)).eval()


@pytest.fixture
def pooling(tower: ImageTower) -> Pooling:
    """Two albums, of which one has pictures."""
    pixels = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8)
    pooled = torch.rand(3, POOLED_CHANNELS)
    albums = [
        Album(source=_Things(), pooled=(pooled,), has_captions=True, pixels=pixels),
        Album(source=_Things(), pooled=(pooled,), has_captions=False),
    ]
    return Pooling(tower, albums, frozen_blocks=BLOCK_COUNT - 2, side=24, device="cpu")


def test_features_alone_stay_what_they_were(pooling: Pooling) -> None:
    """They stand beside those that the tower makes anew."""
    before, now = pooling.cached(PICKS), pooling.fresh(PICKS)
    is_same = (before.features == now.features).all(dim=1)
    assert is_same.tolist() == [False, True, False]
    assert before.drift == 0


def test_the_drift_is_how_far_the_tower_went(pooling: Pooling, tower: ImageTower) -> None:
    """Nothing before a step, something after one; its gradient leads back."""
    assert pooling.fresh(PICKS).drift == 0
    with torch.no_grad():
        for parameter in tower.top.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    drift = pooling.fresh(PICKS).drift
    assert drift > 0
    drift.backward()  # type: ignore[no-untyped-call]
    weight = next(tower.blocks[-1].parameters())
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0


def test_frozen_blocks_have_no_gradient(pooling: Pooling, tower: ImageTower) -> None:
    """Only those behind them learn."""
    pooling.fresh(PICKS).features.sum().backward()  # type: ignore[no-untyped-call]
    has_gradient = [
        any(parameter.grad is not None for parameter in block.parameters())
        for block in tower.blocks
    ]
    assert has_gradient == [False] * (BLOCK_COUNT - 2) + [True] * 2
