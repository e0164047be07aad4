"""The models by name: which there are, and which class serves each."""

from tihua_server.config import DEFAULT_MODEL, Config
from tihua_server.types import Encoder

CHINESE_CLIP_NAMES = ("ViT-B-16", "ViT-L-14", "ViT-L-14-336", "ViT-H-14", "RN50")
"""The published Chinese-CLIP models (arXiv:2211.01335), by cn_clip's names."""

MODEL_NAMES = (DEFAULT_MODEL, *CHINESE_CLIP_NAMES)
"""Every model that `--model` takes; the first is packaged with the server."""


def load_encoder(config: Config) -> Encoder:
    """Return the configured model, on its device, ready to encode.

    Raises:
        ModelError: the file can't be read or fetched, or does not fit the architecture.
    """
    # torch takes seconds to import: not before it is needed.
    import torch

    if config.inference_threads:
        torch.set_num_threads(config.inference_threads)
    if config.model == DEFAULT_MODEL:
        from tihua_server.tiny_clip import load_tiny_clip

        return load_tiny_clip(config.model_path, device=config.device)
    from tihua_server.chinese_clip import load_chinese_clip

    return load_chinese_clip(
        config.model,
        path=config.model_path,
        source=config.model_source,
        cache_dir=config.model_dir.expanduser(),
        device=config.device,
    )
