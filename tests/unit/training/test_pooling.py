"""Pooled features for a training step: cached and new."""

import pytest
import torch
from tihua_server.clip.efficientnet_lite import BLOCK_COUNT, POOLED_CHANNELS
from tihua_server.clip.tiny_network import ImageTower, NetworkShape
from tihua_server.training.album import Album, Pick
from tihua_server.training.pooling import Pooling
from tihua_server.training.windows import Windows


class _Things:
    name = digest = "things"

    def __len__(self) -> int:
        return 3

    def texts(self, index: int) -> tuple[str, ...]:
        return (str(index),)

    def group(self, index: int) -> str:
        return str(index)


FROZEN_BLOCKS = BLOCK_COUNT - 2
PICKS = [Pick(0, 0, 0), Pick(1, 2, 0), Pick(0, 1, 0)]
"""Pictures of the first album, and features alone of the second."""


@pytest.fixture
def tower() -> ImageTower:
    """A tower of random weights."""
    torch.manual_seed(0)
    return ImageTower(NetworkShape(image_size=32)).eval()


@pytest.fixture
def pooling(tower: ImageTower) -> Pooling:
    """Two albums; the pictures of one have two windows each."""
    with torch.inference_mode():
        maps = tower.lower(255 * torch.rand(6, 3, 24, 24), FROZEN_BLOCKS).half()
        found = tower.pool(maps.float(), FROZEN_BLOCKS).half()
    windows = Windows(maps.view(3, 2, *maps.shape[1:]), found.view(3, 2, -1))
    pooled = torch.rand(3, POOLED_CHANNELS)
    albums = [
        Album(source=_Things(), pooled=(pooled,), has_captions=True, windows=windows),
        Album(source=_Things(), pooled=(pooled,), has_captions=False),
    ]
    return Pooling(tower, albums, frozen_blocks=FROZEN_BLOCKS, device="cpu")


def test_features_alone_stay_what_they_were(pooling: Pooling) -> None:
    """They are in one batch with those that the tower computes."""
    before, now = pooling.cached(PICKS), pooling.fresh(PICKS)
    is_same = (before.features == now.features).all(dim=1)
    assert is_same.tolist() == [False, True, False]
    assert before.drift == 0


def test_the_drift_is_how_far_the_tower_went(pooling: Pooling, tower: ImageTower) -> None:
    """0 before a step and more after it; its gradient leads back."""
    # The features before are kept in half precision.
    assert pooling.fresh(PICKS).drift < 1e-5
    with torch.no_grad():
        for parameter in tower.top.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    drift = pooling.fresh(PICKS).drift
    assert drift > 1e-3
    drift.backward()  # type: ignore[no-untyped-call]
    weight = next(tower.blocks[-1].parameters())
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0


def test_frozen_blocks_have_no_gradient(pooling: Pooling, tower: ImageTower) -> None:
    """Only the later blocks learn."""
    pooling.fresh(PICKS).features.sum().backward()  # type: ignore[no-untyped-call]
    has_gradient = [
        any(parameter.grad is not None for parameter in block.parameters())
        for block in tower.blocks
    ]
    assert has_gradient == [False] * FROZEN_BLOCKS + [True] * 2
