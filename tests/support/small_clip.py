"""A Chinese-CLIP network of cn_clip, so small that it is built and converted quickly."""

from pathlib import Path
from typing import Any

import torch
from tihua_server.clip.chinese_clip import ImageTower, TextTower
from tihua_server.clip.encoder import ClipEncoder
from tihua_server.clip.model import ClipModel, Towers
from tihua_server.clip.openvino_engine import make_openvino_engine
from tihua_server.clip.torchvision_operators import define_missing_operators
from tihua_server.types import ModelRef

SIZES: dict[str, Any] = {
    "embed_dim": 64,
    "image_resolution": 64,
    "vision_layers": 2,
    "vision_width": 128,
    "vision_patch_size": 16,
    "vocab_size": 21128,
    "text_attention_probs_dropout_prob": 0.1,
    "text_hidden_act": "gelu",
    "text_hidden_dropout_prob": 0.1,
    "text_hidden_size": 128,
    "text_initializer_range": 0.02,
    "text_intermediate_size": 256,
    "text_max_position_embeddings": 512,
    "text_num_attention_heads": 4,
    "text_num_hidden_layers": 2,
    "text_type_vocab_size": 2,
}
"""The arguments of cn_clip's `CLIP`."""


def small_clip(seed: int = 0) -> ClipModel:
    """Return the model with random weights of a seed."""
    return ClipModel(
        ref=ModelRef("small", f"{seed:016x}"),
        dim=64,
        image_size=64,
        context_length=52,
        towers=lambda: small_towers(seed),
    )


def small_encoder(cache_dir: Path) -> ClipEncoder:
    """Return the model of seed 0 on OpenVINO, which caches its conversion in `cache_dir`."""
    model = small_clip()
    return ClipEncoder(model, make_openvino_engine(model, "fp32", threads=0, cache_dir=cache_dir))


def small_towers(seed: int = 0) -> Towers:
    """Return new towers of a seed."""
    network = small_network(seed)
    return Towers(ImageTower(network).eval(), TextTower(network).eval())


def small_network(seed: int = 0) -> Any:
    """Return cn_clip's own network of a seed, in eval mode."""
    define_missing_operators()
    from cn_clip.clip.model import CLIP

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CLIP(**SIZES).eval().requires_grad_(requires_grad=False)
