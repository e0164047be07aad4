"""Checkpoints in the published format with random weights, so that none has to be fetched."""

from pathlib import Path

import torch
from tihua_server.clip.architecture import Architecture


def random_state(architecture: Architecture) -> dict[str, torch.Tensor]:
    """Return random weights, scaled so that activations neither vanish nor explode."""
    generator = torch.Generator().manual_seed(20221102)

    def draw(name: str, like: torch.Tensor) -> torch.Tensor:
        if not like.is_floating_point():
            return torch.zeros(like.shape, dtype=like.dtype)
        noise = torch.randn(like.shape, generator=generator)
        if like.ndim > 1:
            return noise.mul_(1.2 / like[0].numel() ** 0.5)
        is_scale = name.endswith(("running_var", "weight"))
        return noise.abs_().mul_(0.1).add_(1) if is_scale else noise.mul_(0.1)

    return {name: draw(name, like) for name, like in architecture.network().state_dict().items()}


def write_published(state: dict[str, torch.Tensor], path: Path) -> Path:
    """Write a checkpoint as the published ones are: float32, prefixed, in a dict."""
    pooler = {
        "bert.pooler.dense.weight": torch.zeros(2, 2),
        "bert.pooler.dense.bias": torch.ones(2),
    }
    published = {f"module.{name}": tensor for name, tensor in (state | pooler).items()}
    torch.save({"epoch": 1, "name": "random", "state_dict": published}, path)
    return path
