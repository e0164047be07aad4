"""The towers leave out what cn_clip computes and throws away, and nothing else."""

from typing import Any

import pytest
import torch
from small_clip import small_network
from tihua_server.clip.chinese_clip import PIXEL_MEAN, PIXEL_STD, ImageTower, TextTower
from tihua_server.packaged_gallery import gallery_pixels

PIXELS = torch.stack([torch.from_numpy(pixels) for pixels in gallery_pixels(8, 64)])
TEXTS = torch.tensor([[101, 4345, 102, 0, 0], [101, 1921, 102, 3717, 102]])
"""The first of them padded."""


@pytest.fixture
def network() -> Any:
    """A small network of cn_clip's in which every parameter matters."""
    made = small_network()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


def test_pictures_get_the_embeddings_of_cn_clip(network: Any) -> None:
    """They agree to the last digits, although the last block computes one token of 17."""
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (PIXEL_MEAN, PIXEL_STD))
    expected = network.encode_image((PIXELS.permute(0, 3, 1, 2) / 255 - mean) / std)
    torch.testing.assert_close(ImageTower(network)(PIXELS), expected, rtol=1e-4, atol=1e-5)


def test_texts_get_the_embeddings_of_cn_clip(network: Any) -> None:
    """Padding is masked for the single query as it is for all."""
    expected = network.encode_text(TEXTS)
    torch.testing.assert_close(TextTower(network)(TEXTS), expected, rtol=1e-4, atol=1e-5)
