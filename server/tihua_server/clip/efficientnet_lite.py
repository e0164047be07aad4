"""EfficientNet-Lite2 up to its pooled feature: the image backbone of `tihua-tiny`.

Plain torch: nothing here needs torchvision or timm. The batch norms are folded into the
convolutions once, when the ImageNet weights are read (`training/backbone.py`), so the network
serves and trains without running statistics, and a picture's embedding does not depend on the
others in its batch.
"""

import math
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

STEM_CHANNELS = 32
"""Channels of the first convolution; the Lite models do not scale it."""

POOLED_CHANNELS = 1280
"""Length of the pooled feature; the Lite models do not scale it."""

PIXEL_MEAN = 127.0
PIXEL_SCALE = 128.0
"""Pixels enter as (x - 127) / 128 (TensorFlow's `efficientnet_lite_builder.py`)."""

_STAGES = (
    # expansion, kernel, stride, channels, repeats: EfficientNet-B0 (Tan & Le 2019, table 1) scaled
    # to width 1.1 and depth 1.2, which is Lite2.
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 3),
    (6, 5, 2, 48, 3),
    (6, 3, 2, 88, 4),
    (6, 5, 1, 120, 4),
    (6, 5, 2, 208, 5),
    (6, 3, 1, 352, 1),
)

BLOCK_COUNT = sum(stage[4] for stage in _STAGES)
"""Inverted bottlenecks in the image tower."""


class SamePadConv(nn.Module):
    """A convolution whose output is ceil(side / stride), padded as TensorFlow pads.

    TensorFlow puts the odd row and column of padding at the end; torch's own `padding` is
    symmetric, and the ImageNet weights would see every picture shifted.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        # At stride 1 the padding is symmetric, so the convolution does it without copying the map.
        padding = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=padding, groups=groups, bias=True
        )
        self.kernel = kernel
        self.stride = stride

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the convolved map: (batch, outputs, ⌈height / stride⌉, ⌈width / stride⌉)."""
        if self.stride == 1:
            return cast("Tensor", self.conv(pixels))
        height, width = (self._missing(side) for side in pixels.shape[-2:])
        padding = (width // 2, width - width // 2, height // 2, height - height // 2)
        return cast("Tensor", self.conv(functional.pad(pixels, padding)))

    def _missing(self, side: int) -> int:
        covered = (math.ceil(side / self.stride) - 1) * self.stride + self.kernel
        return max(covered - side, 0)


class Stem(SamePadConv):
    """The first convolution, over pixels that are not normalised yet."""

    def __init__(self) -> None:
        super().__init__(3, STEM_CHANNELS, 3, stride=2)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (batch, 32, ⌈side / 2⌉, ⌈side / 2⌉) of float32 RGB, 0 to 255."""
        return functional.relu6(super().forward((pixels - PIXEL_MEAN) / PIXEL_SCALE))


class InvertedBottleneck(nn.Module):
    """EfficientNet's block without squeeze-and-excitation, as the Lite models have it."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = SamePadConv(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = SamePadConv(hidden, hidden, kernel, stride, groups=hidden)
        self.project = SamePadConv(hidden, outputs, 1)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        """Return (batch, outputs, height / stride, width / stride)."""
        hidden = maps if self.expand is None else functional.relu6(self.expand(maps))
        hidden = functional.relu6(self.depthwise(hidden))
        projected = cast("Tensor", self.project(hidden))
        return maps + projected if self.has_skip else projected


class EfficientNetLite2(nn.Module):
    """The network without its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        blocks = []
        inputs = STEM_CHANNELS
        for expansion, kernel, stride, outputs, repeats in _STAGES:
            for index in range(repeats):
                step = stride if index == 0 else 1
                blocks.append(InvertedBottleneck(inputs, outputs, expansion, kernel, step))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.top = SamePadConv(inputs, POOLED_CHANNELS, 1)

    def first(self, blocks: int) -> nn.Sequential:
        """Return the stem and the first `blocks` blocks as a module, which shares their weights."""
        return nn.Sequential(self.stem, *self.blocks[:blocks])

    def lower(self, pixels: Tensor, blocks: int = BLOCK_COUNT) -> Tensor:
        """Return the map after the first `blocks` blocks.

        Args:
            pixels: (batch, 3, side, side) float32 RGB, 0 to 255.
            blocks: how many blocks to run, 0 to `BLOCK_COUNT`.
        """
        return cast("Tensor", self.first(blocks)(pixels))

    def pool(self, maps: Tensor, blocks: int = BLOCK_COUNT) -> Tensor:
        """Return the pooled feature, (batch, 1280), of a map that `lower` returned.

        Args:
            maps: what `lower` returned.
            blocks: how many blocks `lower` ran.
        """
        for block in self.blocks[blocks:]:
            maps = block(maps)
        return functional.relu6(self.top(maps)).mean(dim=(2, 3))
