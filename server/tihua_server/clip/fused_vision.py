"""cn_clip's vision transformer for a GPU: the same computation in far fewer kernels.

On a GPU the matrix products of a tower take less time than cn_clip's operations between them. Here
the normalisation of pixels is part of the first product, an activation and an addition are one
kernel each, and attention reads queries, keys and values where their product left them. The last
block computes only the one token that is used, except for the queries, which are part of the same
product. Sums and norms are in float32, matrices in `dtype`.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

GELU_SCALE = 1.702
"""CLIP's activation is x · sigmoid(1.702 x), which is silu(1.702 x) / 1.702."""

CENTRE = 128
"""Subtracted from pixels, which is exact in bfloat16 and leaves little for the bias to undo."""


class FusedVision(nn.Module):
    """cn_clip's vision transformer, with its current weights.

    Args:
        visual: cn_clip's `VisualTransformer`, in float32.
        mean: of the red, green and blue of pixels from 0 to 1, (3, 1, 1).
        std: their standard deviation, (3, 1, 1).
        dtype: of the matrices, float32 or bfloat16.
    """

    first: Tensor
    rest: Tensor

    def __init__(self, visual: Any, *, mean: Tensor, std: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        convolution: Tensor = visual.conv1.weight
        patch = convolution / (255 * std)
        self._dtype = dtype
        self._patch_side = convolution.shape[-1]
        # Pixels come with their colours last.
        self.patch = _linear(patch.permute(0, 2, 3, 1).flatten(1), None, dtype)
        places: Tensor = visual.positional_embedding
        shift = (patch * (CENTRE - 255 * mean)).sum(dim=(1, 2, 3))
        self.register_buffer("first", visual.class_embedding + places[:1])
        self.register_buffer("rest", places[1:] + shift)
        self.norm_before = _norm(visual.ln_pre)
        self.blocks = nn.ModuleList(_Block(each, dtype) for each in visual.transformer.resblocks)
        self.norm_after = _norm(visual.ln_post)
        self.project = _linear(visual.proj.T, None, dtype)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (batch, dim) of (batch, side, side, 3) uint8."""
        patches = self.patch(self._patches(pixels).to(self._dtype) - CENTRE)
        first = self.first.expand(len(pixels), -1, -1)
        states = self.norm_before(torch.cat([first, patches + self.rest], dim=1))
        for block in self.blocks[:-1]:
            states = block(states)
        first = self.blocks[-1](states, kept=1)[:, 0]
        return cast("Tensor", self.project(self.norm_after(first).to(self._dtype)))

    def _patches(self, pixels: Tensor) -> Tensor:
        """Return (batch, patches, pixels of a patch · 3), in the order of the convolution."""
        side = self._patch_side
        count, height, width, _ = pixels.shape
        cut = pixels.view(count, height // side, side, width // side, side, 3)
        return cut.transpose(2, 3).reshape(count, -1, side * side * 3)


class _Block(nn.Module):
    def __init__(self, block: Any, dtype: torch.dtype) -> None:
        super().__init__()
        attention, mlp = block.attn, block.mlp
        self._dtype = dtype
        self._heads = attention.num_heads
        self.norm_1, self.norm_2 = _norm(block.ln_1), _norm(block.ln_2)
        self.attend = _linear(attention.in_proj_weight, attention.in_proj_bias, dtype)
        self.mix = _linear(attention.out_proj.weight, attention.out_proj.bias, dtype)
        self.widen = _linear(GELU_SCALE * mlp.c_fc.weight, GELU_SCALE * mlp.c_fc.bias, dtype)
        self.narrow = _linear(mlp.c_proj.weight / GELU_SCALE, mlp.c_proj.bias, dtype)

    def forward(self, states: Tensor, kept: int | None = None) -> Tensor:
        """Return the states after the block, of the first `kept` tokens or of all.

        Args:
            states: (batch, tokens, width) float32.
            kept: how many tokens are used afterwards; None keeps all.
        """
        parts = self.attend(self.norm_1(states).to(self._dtype))
        query, key, value = parts.unflatten(-1, (3, self._heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query[:, :, :kept], key, value)
        states = states[:, :kept] + self.mix(mixed.transpose(1, 2).flatten(2))
        wide = functional.silu(self.widen(self.norm_2(states).to(self._dtype)))
        return cast("Tensor", states + self.narrow(wide))


def _linear(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    made.weight = nn.Parameter(weight.to(dtype).contiguous(), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias.to(dtype), requires_grad=False)
    return made


def _norm(norm: nn.LayerNorm) -> nn.LayerNorm:
    """Return torch's own LayerNorm: cn_clip's casts to float32 and back."""
    made = nn.LayerNorm(norm.normalized_shape, eps=norm.eps, device="meta")
    made.weight, made.bias = norm.weight, norm.bias
    return made
