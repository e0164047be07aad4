"""The five architectures of Chinese-CLIP, as cn_clip's own configuration files describe them."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tihua_server.clip.torchvision_operators import define_missing_operators


@dataclass(frozen=True, slots=True)
class Architecture:
    """One of the published sizes: how its network is built, and which checkpoints fit it.

    Attributes:
        name: cn_clip's name: `ViT-B-16`.
        config: the arguments of cn_clip's `CLIP`.
    """

    name: str
    config: Mapping[str, Any]

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return int(self.config["embed_dim"])

    @property
    def image_size(self) -> int:
        """Side of the square, in pixels, that the network sees."""
        return int(self.config["image_resolution"])

    @property
    def is_resnet(self) -> bool:
        """Whether the image tower is a ResNet rather than a vision transformer."""
        return self.name.startswith("RN")

    def network(self) -> Any:
        """Return cn_clip's `CLIP` without weights: all its tensors are on the device `meta`.

        This avoids a random initialization that would only be overwritten, and that takes longer
        than reading the weights for ViT-H-14.
        """
        from cn_clip.clip.model import CLIP

        with torch.device("meta"):
            return CLIP(**self.config)

    def differences(self, state: Mapping[str, torch.Tensor]) -> list[str]:
        """Describe each difference between a checkpoint and the network, shapes first."""
        wanted = {name: tuple(tensor.shape) for name, tensor in self.network().state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in state.items()}
        shapes = [
            f"{name} is {_by(found[name])} instead of {_by(shape)}"
            for name, shape in wanted.items()
            if name in found and found[name] != shape
        ]
        missing = [f"{name} is missing" for name in wanted if name not in found]
        unknown = [f"{name} is not part of it" for name in found if name not in wanted]
        return shapes + missing + unknown


@functools.cache
def architectures() -> tuple[Architecture, ...]:
    """Return the published architectures, smallest vision transformer first."""
    define_missing_operators()
    from cn_clip import clip
    from cn_clip.clip import utils

    folder = Path(clip.__file__).parent / "model_configs"
    return tuple(
        Architecture(name, _config(folder, info["struct"]))
        for name, info in utils._MODEL_INFO.items()  # noqa: SLF001
    )


def _config(folder: Path, struct: str) -> dict[str, Any]:
    """Merge the configurations of both halves of `ViT-B-16@RoBERTa-wwm-ext-base-chinese`."""
    config: dict[str, Any] = {}
    for part in struct.split("@"):
        config |= json.loads((folder / f"{part}.json").read_text(encoding="utf-8"))
    # RN50's is a list in a string, on which cn_clip calls `eval`.
    if isinstance(config["vision_layers"], str):
        config["vision_layers"] = json.loads(config["vision_layers"])
    return config


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a number"
