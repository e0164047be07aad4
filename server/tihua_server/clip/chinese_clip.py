"""Chinese-CLIP by cn_clip: the five published models, as towers.

The networks and their sizes are cn_clip's. Its `load_from_name` is not used, because it unpickles
whatever the file holds, evaluates a string of its configuration, prints, and rounds the weights to
half precision. The embeddings still agree with it (cosine of at least 0.9999,
`tests/integration/test_chinese_clip.py`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tihua_server.clip.architecture import Architecture, architectures
from tihua_server.clip.checkpoint import fetch_checkpoint, read_checkpoint
from tihua_server.clip.fingerprint import fingerprint
from tihua_server.clip.first_token import FirstTokenAttention, FirstTokenBlock
from tihua_server.clip.fused_vision import FusedVision
from tihua_server.clip.model import ClipModel, Towers
from tihua_server.clip.packed_text import PackedText
from tihua_server.clip.tokenizer import CONTEXT_LENGTH
from tihua_server.errors import ModelError
from tihua_server.types import ModelRef

PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)
PIXEL_STD = (0.26862954, 0.26130258, 0.27577711)
"""Of red, green and blue in CLIP's training pictures, each from 0 to 1 (`image_transform`)."""


class ImageTower(nn.Module):
    """cn_clip's image encoder, for pixels as in `Towers`."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: Any) -> None:
        super().__init__()
        # Only the parts it needs: it must not keep the other tower's weights alive.
        self.visual = network.visual
        if self._is_transformer():
            blocks = self.visual.transformer.resblocks
            blocks[-1] = FirstTokenBlock(blocks[-1])
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(PIXEL_STD).view(3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (batch, dim) of (batch, side, side, 3) uint8."""
        scaled = pixels.permute(0, 3, 1, 2).float().div(255).sub(self.mean).div(self.std)
        features: Tensor = self.visual(scaled.to(self.visual.conv1.weight.dtype))
        return features

    def fused(self, dtype: torch.dtype) -> nn.Module:
        """Return the form that a GPU runs, see `Fusable`; a ResNet has only one."""
        if not self._is_transformer():
            return self
        return FusedVision(self.visual, mean=self.mean, std=self.std, dtype=dtype)

    def _is_transformer(self) -> bool:
        return hasattr(self.visual, "transformer")


class TextTower(nn.Module):
    """cn_clip's BERT and projection, for tokens as in `Towers`."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.bert = network.bert
        self.projection = network.text_projection
        layers = self.bert.encoder.layer
        for layer in layers:
            layer.attention.self = FusedSelfAttention(layer.attention.self)
        layers[-1].attention = FirstTokenAttention(layers[-1].attention)

    def forward(self, ids: Tensor) -> Tensor:
        """Return (batch, dim) of (batch, length) int64, padded with 0."""
        # 0 is [PAD]. As cn_clip's `encode_text`, but in the network's own dtype.
        mask = ids.ne(0).to(self.projection.dtype)
        hidden: Tensor = self.bert(ids, attention_mask=mask)[0]
        features: Tensor = hidden[:, 0, :] @ self.projection
        return features

    def packed(self) -> nn.Module:
        """Return the form that skips padding; see `Packable`."""
        return PackedText(self.bert, self.projection)


class FusedSelfAttention(nn.Module):
    """cn_clip's `BertSelfAttention` by `scaled_dot_product_attention`, which is one kernel."""

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.query, self.key, self.value = attention.query, attention.key, attention.value
        self.heads = attention.num_attention_heads

    def forward(
        self,
        hidden: Tensor,
        attention_mask: Tensor | None = None,
        head_mask: None = None,
        *,
        queried: Tensor | None = None,
    ) -> tuple[Tensor]:
        """Return the attended states, (batch, queries, width), in a tuple as BERT wants it.

        Args:
            hidden: states for keys and values, (batch, length, width).
            attention_mask: added before the softmax.
            head_mask: cn_clip's, always None.
            queried: states for queries, (batch, queries, width); None takes all of `hidden`.
        """
        asking = hidden if queried is None else queried
        query, key, value = (
            linear(states).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for linear, states in ((self.query, asking), (self.key, hidden), (self.value, hidden))
        )
        mask = attention_mask if attention_mask is None else attention_mask.to(query.dtype)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return (mixed.transpose(1, 2).flatten(2),)


def read_chinese_clip(
    name: str,
    *,
    path: Path | None = None,
    source: str = "huggingface",
    cache_dir: Path = Path("~/.cache/tihua"),
) -> ClipModel:
    """Return a published Chinese-CLIP model, or one of the same architecture.

    Args:
        name: ViT-B-16, ViT-L-14, ViT-L-14-336, ViT-H-14 or RN50.
        path: a checkpoint of that architecture; None fetches the published one.
        source: the hub to fetch from: `huggingface` or `modelscope`.
        cache_dir: the directory that keeps fetched checkpoints.

    Raises:
        ModelError: no such model, the checkpoint can't be fetched or read, or it is of
            another architecture. The message is one line for the operator.
    """
    architecture, state = read_weights(name, path=path, source=source, cache_dir=cache_dir)
    spec = {
        "architecture": name,
        "image_size": architecture.image_size,
        "resize": "bicubic",
        "pixel_mean": PIXEL_MEAN,
        "pixel_std": PIXEL_STD,
        "context_length": CONTEXT_LENGTH,
    }
    return ClipModel(
        ref=ModelRef(id=name, fingerprint=fingerprint(_weights(state), spec)),
        dim=architecture.dim,
        image_size=architecture.image_size,
        context_length=CONTEXT_LENGTH,
        towers=lambda: _towers(architecture, state),
    )


def named_architecture(name: str) -> Architecture:
    """Return the architecture of a published model.

    Raises:
        ModelError: there is no model of that name.
    """
    architecture = next((each for each in architectures() if each.name == name), None)
    if architecture is None:
        names = ", ".join(each.name for each in architectures())
        raise ModelError(f"there is no model {name!r}; Chinese-CLIP has: {names}")
    return architecture


def read_weights(
    name: str, *, path: Path | None, source: str, cache_dir: Path
) -> tuple[Architecture, dict[str, torch.Tensor]]:
    """Return an architecture and the weights of a checkpoint that fits it.

    Arguments and errors are those of `read_chinese_clip`.
    """
    architecture = named_architecture(name)
    if path is None:
        path = fetch_checkpoint(name, source=source, cache_dir=cache_dir.expanduser())
    state = read_checkpoint(path)
    _require_fit(architecture, path, state)
    return architecture, state


def _towers(architecture: Architecture, state: Mapping[str, torch.Tensor]) -> Towers:
    # Copied out of the mapped file, which may be replaced while the server runs.
    weights = {
        key: tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
        for key, tensor in state.items()
    }
    network = architecture.network()
    network.load_state_dict(weights, assign=True)
    network.eval().requires_grad_(requires_grad=False)
    return Towers(ImageTower(network).eval(), TextTower(network).eval())


def _weights(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors that embeddings depend on: neither counters nor CLIP's temperature."""
    return {
        name: tensor
        for name, tensor in state.items()
        if tensor.is_floating_point() and name != "logit_scale"
    }


def _require_fit(architecture: Architecture, path: Path, state: Mapping[str, torch.Tensor]) -> None:
    differences = architecture.differences(state)
    if not differences:
        return
    fitting = next((each for each in architectures() if not each.differences(state)), None)
    more = f", and {len(differences) - 1} more differences" if len(differences) > 1 else ""
    names = ", ".join(each.name for each in architectures())
    remedy = (
        f"it fits {fitting.name}: start with --model {fitting.name}"
        if fitting
        else f"it fits none of {names}"
    )
    raise ModelError(
        f"{path} does not hold {architecture.name}: {differences[0]}{more}; {remedy}",
        reason="CHECKPOINT_MISMATCH",
    )
