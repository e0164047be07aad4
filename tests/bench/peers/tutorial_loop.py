"""The tutorial loop: cn_clip and torch in fp32, one picture or text after the other.

Written as Chinese-CLIP's README has it; torch's own thread settings.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from PIL import Image
from tutorial import load_tutorial

from bench.companion import answer


def reply(
    *, model: str, weights: str, images: Sequence[str] = (), texts: Sequence[str] = ()
) -> list[float]:
    """Return how long each picture and then each text took, in seconds.

    Args:
        model: cn_clip's name of the architecture.
        weights: the checkpoint.
        images: paths of pictures; opening is part of the time.
        texts: queries.
    """
    network, preprocess = _loaded(model, weights)
    from cn_clip import clip

    seconds = []
    with torch.no_grad():
        for path in images:
            start_s = perf_counter()
            picture = preprocess(Image.open(path)).unsqueeze(0)
            features = network.encode_image(picture)
            features /= features.norm(dim=-1, keepdim=True)
            seconds.append(perf_counter() - start_s)
        for text in texts:
            start_s = perf_counter()
            features = network.encode_text(clip.tokenize([text]))
            features /= features.norm(dim=-1, keepdim=True)
            seconds.append(perf_counter() - start_s)
    return seconds


@functools.cache
def _loaded(model: str, weights: str) -> tuple[Any, Any]:
    return load_tutorial(model, Path(weights))


if __name__ == "__main__":
    answer(reply)
