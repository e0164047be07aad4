"""The two towers of a Chinese-CLIP network, as a fine-tuning computes them."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tihua_server.devices import has_bf16


class Towers:
    """Embeds pictures and texts, with gradient, in bf16 where that is faster than fp32.

    Args:
        network: cn_clip's `CLIP`, on the device.
        is_resnet: whether its image tower is a ResNet.
        device: where to compute, as torch names it.
    """

    def __init__(self, network: Any, *, is_resnet: bool, device: str) -> None:
        self._network = network
        self._is_resnet = is_resnet
        self._device = torch.device(device)

    def train(self) -> None:
        """Train everything but the batch norms' statistics, which a small batch would spoil."""
        self._network.train()
        for module in self._network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def eval(self) -> None:
        """Drop nothing out: what follows is measured."""
        self._network.eval()

    def embed_pictures(self, pixels: Tensor) -> Tensor:
        """Return one embedding per picture.

        Args:
            pixels: (batch, 3, side, side) float32, normalised.

        Returns:
            (batch, dim) float32; every row has L2 norm 1.
        """
        with self._autocast():
            embeddings = self._network.encode_image(pixels)
        return _normalised(embeddings)

    def embed_texts(self, ids: Tensor) -> Tensor:
        """Return one embedding per text, as `embed_pictures`; ids are (batch, length) int64."""
        with self._autocast():
            embeddings = self._network.encode_text(ids)
        return _normalised(embeddings)

    def _autocast(self) -> torch.autocast:
        """Return what has the network computed in bf16, where that is faster than fp32."""
        if self._device.type == "cuda":
            is_faster = has_bf16(self._device)
        else:
            # Without AMX torch's convolutions are slower in bf16, and without either so is all.
            needed = "amx_bf16" if self._is_resnet else "avx512_bf16"
            is_faster = torch.cpu.get_capabilities().get(needed, False)
        return torch.autocast(self._device.type, torch.bfloat16, enabled=is_faster)


def _normalised(embeddings: Tensor) -> Tensor:
    # In float32: of near neighbours bfloat16 can't tell which is nearer.
    return functional.normalize(embeddings.float(), dim=-1)
