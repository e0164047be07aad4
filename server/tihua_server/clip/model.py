"""A CLIP model as it is read from its file, before an engine makes it compute."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import nn

from tihua_server.types import ModelRef


@runtime_checkable
class Fusable(Protocol):
    """A tower with a second form for GPUs, where its own loses much time between products."""

    def fused(self, dtype: torch.dtype) -> nn.Module:
        """Return the same computation in fewer kernels, with matrices in float32 or bfloat16."""


@runtime_checkable
class MixedPrecision(Protocol):
    """An image tower whose first layers need fp32: if they are rounded, its embeddings stray.

    The tower is `upper(lower(pixels))`; a lower precision applies to `upper` only.
    """

    lower: nn.Module
    """(batch, image_size, image_size, 3) uint8 RGB → maps, float32."""

    upper: nn.Module
    """Those maps → (batch, dim), of any norm."""


@runtime_checkable
class Packable(Protocol):
    """A text tower that can skip padding."""

    def packed(self) -> nn.Module:
        """Return the same computation over what `packed_text.pack` returns."""


class Towers(NamedTuple):
    """The two networks of a model, in eval mode, in float32 on the CPU.

    Attributes:
        image: (batch, image_size, image_size, 3) uint8 RGB → (batch, dim), of any norm; scales and
            normalises the pixels itself, so that they travel to the device as bytes.
        text: (batch, length) int64, padded with 0 → (batch, dim), of any norm.
    """

    image: nn.Module
    text: nn.Module


@dataclass(frozen=True, slots=True)
class ClipModel:
    """A model that was read and checked.

    Attributes:
        ref: its id and fingerprint.
        dim: length of an embedding.
        image_size: side of the square, in pixels, that its image tower sees.
        context_length: tokens per text, [CLS] and [SEP] included.
        towers: builds the networks with their weights, new ones at each call; takes seconds for a
            large model, and is not needed by an engine that has converted the model before.
    """

    ref: ModelRef
    dim: int
    image_size: int
    context_length: int
    towers: Callable[[], Towers]
