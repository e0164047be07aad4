"""The two towers of a Chinese-CLIP network for fine-tuning."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tihua_server.clip.devices import has_bf16


class Towers:
    """Embeds pictures and texts with gradient, in bf16 if that is faster than fp32.

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
        """Set training mode, except for batch norms: small batches would spoil their statistics."""
        self._network.train()
        for module in self._network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def eval(self) -> None:
        """Set evaluation mode, without dropout."""
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
        """Return one embedding per text, like `embed_pictures`; ids are (batch, length) int64."""
        with self._autocast():
            embeddings = self._network.encode_text(ids)
        return _normalised(embeddings)

    def _autocast(self) -> torch.autocast:
        """Return the context in which the network computes in bf16 if that is faster."""
        if self._device.type == "cuda":
            is_faster = has_bf16(self._device)
        else:
            # In bf16, torch's convolutions are slower without AMX, and everything is without
            # AVX512-BF16.
            needed = "amx_bf16" if self._is_resnet else "avx512_bf16"
            is_faster = torch.cpu.get_capabilities().get(needed, False)
        return torch.autocast(self._device.type, torch.bfloat16, enabled=is_faster)


def _normalised(embeddings: Tensor) -> Tensor:
    # In float32, because bfloat16 can't distinguish close neighbours.
    return functional.normalize(embeddings.float(), dim=-1)
