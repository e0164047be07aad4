"""Random crops, mirroring and tints, so that a tower under training memorizes no picture."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

BRIGHTNESS = CONTRAST = 0.3
SATURATION = 0.4
"""Colour factors are drawn from 1 ± these. The hue is kept: captions and names mention colours."""

STRETCH = 0.15
"""How much wider than high, or higher than wide, a window may be, as a share."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a picture may be shown.

    Attributes:
        smallest: least side of the window, as a share of the picture's.
        largest: greatest side; beyond 1, the picture's edge pixels are repeated around it.
        is_mirrored: whether half of the pictures are mirrored, left to right.
    """

    smallest: float
    largest: float
    is_mirrored: bool = False


def augment(pixels: Tensor, window: Window, side: int) -> Tensor:
    """Crop, mirror and tint pictures at random, by torch's generator for the CPU.

    Args:
        pixels: (count, height, width, 3) uint8 RGB.
        window: which part of each may be shown.
        side: of the returned pictures, in pixels.

    Returns:
        (count, 3, side, side) float32, 0 to 255, in channels-last order.
    """
    pictures = pixels.permute(0, 3, 1, 2).float()
    grid = _grid(window, len(pixels), side)
    cut = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return _tint(cut, torch.rand(3, len(pixels), 1, 1, 1))


def _grid(window: Window, count: int, side: int) -> Tensor:
    """Return (count, side, side, 2): where to sample each pixel, -1 to 1 across the picture."""
    is_turned = (torch.rand(count) < 0.5) & window.is_mirrored
    size = window.smallest + (window.largest - window.smallest) * torch.rand(count)
    stretch = 1 + STRETCH * (2 * torch.rand(count) - 1)
    sizes = torch.stack([size * stretch.sqrt(), size / stretch.sqrt()], dim=1)
    centre = (2 * torch.rand(count, 2) - 1) * (1 - sizes)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = torch.where(is_turned, -sizes[:, 0], sizes[:, 0])
    theta[:, 1, 1] = sizes[:, 1]
    theta[:, :, 2] = centre
    grid: Tensor = functional.affine_grid(theta, [count, 3, side, side], align_corners=False)
    return grid


def _tint(pictures: Tensor, draws: Tensor) -> Tensor:
    brightness, contrast, saturation = (
        1 + spread * (2 * draw - 1)
        for spread, draw in zip((BRIGHTNESS, CONTRAST, SATURATION), draws, strict=True)
    )
    grey = pictures.mean(dim=1, keepdim=True)
    tinted: Tensor = grey + saturation * (pictures - grey)
    middle = tinted.mean(dim=(1, 2, 3), keepdim=True)
    tinted = middle + contrast * (tinted - middle)
    tinted = (brightness * tinted).clamp(0, 255)
    return tinted.contiguous(memory_format=torch.channels_last)
