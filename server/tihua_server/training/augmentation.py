"""Changes pictures, so that a tower that is trained learns none by heart."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

BRIGHTNESS = CONTRAST = 0.3
SATURATION = 0.4
"""Factors of colour are drawn from 1 ± these. The hue stays: captions and names tell colours."""

STRETCH = 0.15
"""Windows are up to this much wider than high, or higher than wide."""


@dataclass(frozen=True, slots=True)
class Window:
    """What part of a picture is shown.

    Attributes:
        smallest: least side of the window, as a share of the picture's.
        largest: greatest; beyond 1 the picture's edge is drawn out around it.
        is_mirrored: whether every second picture is turned left to right.
    """

    smallest: float
    largest: float
    is_mirrored: bool = False


def augment(pixels: Tensor, window: Window, side: int) -> Tensor:
    """Return pictures cut, mirrored and tinted by chance, of torch's generator for the CPU.

    Args:
        pixels: (count, height, width, 3) uint8 RGB.
        window: what may be shown of each.
        side: of what is returned, in pixels.

    Returns:
        (count, 3, side, side) float32, 0 to 255, in channels-last order.
    """
    pictures = pixels.permute(0, 3, 1, 2).float()
    grid = _grid(window, len(pixels), side)
    cut = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    return _tint(cut, torch.rand(3, len(pixels), 1, 1, 1))


def _grid(window: Window, count: int, side: int) -> Tensor:
    """Return (count, side, side, 2): where each pixel is looked up, -1 to 1 over the picture."""
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
