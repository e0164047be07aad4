"""The same torch module for every peer: cn_clip's network, in fp32 or bf16, on the CPU."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn
from tutorial import load_tutorial


class TorchNetwork:
    """Embeds texts and pictures as a competent service on torch would.

    Args:
        model: cn_clip's name of the architecture.
        weights: the checkpoint.
        threads: torch threads; 0 leaves the number to torch.
        is_bf16: round matrices to bf16, as cn_clip's `convert_weights` does to fp16 on a GPU:
            LayerNorm of the vision tower stays in fp32.
        is_trimmed: pad texts to the longest of the batch instead of 52 tokens.
    """

    def __init__(
        self, model: str, weights: Path, *, threads: int, is_bf16: bool, is_trimmed: bool
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        self._network, self._preprocess = load_tutorial(model, weights)
        self._is_trimmed = is_trimmed
        if is_bf16:
            keep_in_bf16(self._network)

    def embed_texts(self, texts: Sequence[str]) -> list[bytes]:
        """Return one embedding per text: float32, little-endian, L2 norm 1."""
        from cn_clip import clip

        tokens = clip.tokenize(list(texts))
        if self._is_trimmed:
            tokens = tokens[:, : int((tokens != 0).sum(dim=1).max())]
        with torch.inference_mode():
            return _rows(self._network.encode_text(tokens))

    def embed_images(self, images: Sequence[bytes]) -> list[bytes]:
        """Return one embedding per picture file: float32, little-endian, L2 norm 1.

        Raises:
            OSError: a picture is broken.
        """
        pixels = torch.stack([self._preprocess(Image.open(BytesIO(image))) for image in images])
        with torch.inference_mode():
            return _rows(self._network.encode_image(pixels))


def _rows(features: torch.Tensor) -> list[bytes]:
    rows = nn.functional.normalize(features.float()).numpy()
    return [row.astype("<f4").tobytes() for row in rows]


def keep_in_bf16(network: Any) -> None:
    """Round the matrices of cn_clip's `CLIP` to bf16, as its `convert_weights` does to fp16."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.MultiheadAttention)):
            module.to(torch.bfloat16)
    network.bert.to(torch.bfloat16)
    for owner, name in ((network.visual, "proj"), (network, "text_projection")):
        # A ResNet has no `proj`.
        if (parameter := getattr(owner, name, None)) is not None:
            parameter.data = parameter.data.to(torch.bfloat16)
