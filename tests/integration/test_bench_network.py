"""The network that the benchmark's peers run."""

import torch
from bench.peers.torch_network import keep_in_bf16
from tihua_server.clip.torchvision_operators import define_missing_operators


def test_a_resnet_runs_in_bf16_too() -> None:
    """RN50's vision tower has no projection of its own to round."""
    define_missing_operators()
    from cn_clip.clip.model import CLIP

    network = CLIP(
        embed_dim=16,
        image_resolution=32,
        vision_layers=[1, 1, 1, 1],
        vision_width=8,
        vision_patch_size=None,
        vocab_size=32,
        text_attention_probs_dropout_prob=0,
        text_hidden_act="gelu",
        text_hidden_dropout_prob=0,
        text_hidden_size=16,
        text_initializer_range=0.02,
        text_intermediate_size=32,
        text_max_position_embeddings=16,
        text_num_attention_heads=2,
        text_num_hidden_layers=1,
        text_type_vocab_size=2,
    ).eval()
    keep_in_bf16(network)
    with torch.inference_mode():
        images = network.encode_image(torch.zeros(2, 3, 32, 32))
        texts = network.encode_text(torch.ones(2, 8, dtype=torch.int64))
    assert images.shape == texts.shape == (2, 16)
    assert images.dtype == texts.dtype == torch.bfloat16
    assert images.isfinite().all()
