"""The number of operations that a vision tower takes for a picture."""

import contextlib

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def count_flops(tower: nn.Module, image_size: int, device: torch.device | None = None) -> int:
    """Return the operations for one picture, an addition and a multiplication each.

    Args:
        tower: (batch, side, side, 3) uint8 → embeddings, on `device`.
        image_size: side of a picture, in pixels.
        device: None means the CPU.
    """
    device = device or torch.device("cpu")
    picture = torch.zeros((1, image_size, image_size, 3), dtype=torch.uint8, device=device)
    autocast = (
        torch.autocast(device.type, torch.bfloat16)
        if device.type == "cuda"
        else contextlib.nullcontext()
    )
    # The counter does not know fused attention, which is a single operation.
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        with (
            torch.inference_mode(),
            autocast,
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
        ):
            tower(picture)
    finally:
        torch.backends.mha.set_fastpath_enabled(value=True)
    return int(counter.get_total_flops())
