"""The vision tower for GPUs, computed on the CPU."""

from types import SimpleNamespace

import pytest
import torch
from small_clip import small_towers
from tihua_server.clip.agreement import LOWEST_COSINE
from tihua_server.clip.chinese_clip import ImageTower
from tihua_server.clip.model import Fusable
from tihua_server.packaged_gallery import gallery_pixels
from torch import nn

PIXELS = torch.stack([torch.from_numpy(pixels) for pixels in gallery_pixels(8, 64)])


@pytest.fixture
def tower() -> ImageTower:
    """A small vision transformer of cn_clip's, with random weights."""
    image = small_towers().image
    assert isinstance(image, ImageTower)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in image.parameters():
            # As initialized, norms and attention biases have no effect, and would not be missed.
            parameter.add_(0.05 * torch.randn_like(parameter))
    return image


@pytest.mark.parametrize("count", [1, 8])
def test_it_gives_what_cn_clip_gives(tower: ImageTower, count: int) -> None:
    """In float32 they agree to the last digits, for any batch."""
    fused = tower.fused(torch.float32)
    expected = tower(PIXELS[:count])
    torch.testing.assert_close(fused(PIXELS[:count]), expected, rtol=1e-4, atol=1e-4)


def test_in_bfloat16_it_keeps_the_bound(tower: ImageTower) -> None:
    """The cosine to float32 meets the bound of every engine."""
    found = tower.fused(torch.bfloat16)(PIXELS).float()
    cosines = nn.functional.cosine_similarity(found, tower(PIXELS))
    assert cosines.min() >= LOWEST_COSINE["bf16"]


def test_a_resnet_stays_as_it_is() -> None:
    """It has no transformer that could be fused."""
    tower = ImageTower(SimpleNamespace(visual=nn.Identity()))
    assert tower.fused(torch.bfloat16) is tower


def test_a_text_tower_stays_as_it_is() -> None:
    """A GPU computes it as a CPU does."""
    assert not isinstance(small_towers().text, Fusable)
