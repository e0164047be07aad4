"""Loads a model as the tutorial does: by cn_clip's own loader, without any code of ours."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tihua_server.clip.torchvision_operators import define_missing_operators


def load_tutorial(name: str, path: Path) -> tuple[Any, Callable[[Image.Image], torch.Tensor]]:
    """Return the network in fp32 on the CPU, in eval mode, and its preprocessing of one picture.

    Args:
        name: cn_clip's name of the architecture: `ViT-B-16`.
        path: a checkpoint in the published format.
    """
    define_missing_operators()
    from cn_clip import clip
    from cn_clip.clip.utils import _MODEL_INFO

    vision, text = _MODEL_INFO[name]["struct"].split("@")
    network, preprocess = clip.load_from_name(
        str(path),
        device="cpu",
        vision_model_name=vision,
        text_model_name=text,
        input_resolution=_MODEL_INFO[name]["input_resolution"],
    )
    network.eval()
    return network, preprocess
