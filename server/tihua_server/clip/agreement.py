"""How far an engine may stray from the fp32 reference, and the check that it does not.

A collection is bound to a model's fingerprint, which does not include engine, device and precision:
what one server stored, another must be able to search. That works only if their embeddings agree.
So an engine is compared with torch in fp32 when it is made, on pictures of the packaged gallery and
a few texts, one by one and all together, and refused below these bounds.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from tihua_server.clip.engine import Engine
from tihua_server.clip.model import ClipModel, Towers
from tihua_server.clip.tokenizer import Tokenizer, padded
from tihua_server.errors import PrecisionTooLow
from tihua_server.packaged_gallery import picture_pixels
from tihua_server.types import FloatArray, PixelArray, TokenArray

Inputs = TypeVar("Inputs", TokenArray, PixelArray)

LOWEST_COSINE = {"fp32": 0.9999, "bf16": 0.9995, "int8": 0.99}
"""The lowest allowed cosine of an embedding to torch's in fp32, by precision. ViT-B-16 reaches
0.9999 in bf16 and 0.996 in int8. What 0.99 costs in recall depends on the model; `make eval
PRECISIONS="fp32 int8"` measures it."""

TEXTS = (
    "猫",
    "夕阳西下",
    "雪地里奔跑的狗",
    "海滩上玩耍的孩子 and a red motorcycle",
    "枯藤老树昏鸦，小桥流水人家，古道西风瘦马。夕阳西下，断肠人在天涯。",
)
"""From one character to a whole poem."""

PICTURES = (
    "cutout_classical_guitar.jpg",
    "cutout_frog.jpg",
    "drawing_iceberg.webp",
    "emoji_fire.png",
    "photo_cat_eye.jpg",
    "photo_green_grass.jpg",
    "photo_misty_lake_at_night.jpg",
    "photo_piano_keys.jpg",
)
"""Photographs, drawings and emoji of the packaged gallery, among those that strayed most in int8
(with tihua-tiny; the grass with ViT-B-16). Eight pictures picked at regular intervals passed a
tihua-tiny that had 56 of 703 embeddings below the bound. There are only eight because the reference
takes 5 s a picture for ViT-H-14 on two cores."""


def require_agreement(engine: Engine, model: ClipModel, towers: Towers) -> None:
    """Compare an engine with torch in fp32.

    Args:
        engine: the engine to check.
        model: the model that it runs.
        towers: its towers in fp32, as the reference.

    Raises:
        PrecisionTooLow: an embedding has a cosine below `LOWEST_COSINE` to the reference.
    """
    tokenizer = Tokenizer(model.context_length)
    tokens = [tokenizer.tokenize(text).ids[np.newaxis] for text in TEXTS]
    pictures = [picture_pixels(name, model.image_size)[np.newaxis] for name in PICTURES]
    together = padded([ids[0] for ids in tokens])
    lowest = {
        "texts": _lowest_cosine(towers.text, engine.embed_texts, tokens, together),
        "pictures": _lowest_cosine(
            towers.image, engine.embed_images, pictures, np.concatenate(pictures)
        ),
    }
    bound = LOWEST_COSINE[engine.precision]
    for kind, cosine in lowest.items():
        if not cosine >= bound:
            raise PrecisionTooLow(
                f"{engine.precision} by {engine.name} gives {kind} of {model.ref.id} a cosine of"
                f" {cosine:.4f} to fp32; at least {bound} is needed, or they could not be"
                " searched together: start with --precision fp32"
            )


def _lowest_cosine(
    tower: nn.Module,
    embed: Callable[[Inputs], FloatArray],
    inputs: Sequence[Inputs],
    together: Inputs,
) -> float:
    """Return the lowest cosine of inputs alone and in a batch: engines treat these differently."""
    with torch.inference_mode():
        reference = [tower(torch.from_numpy(each)).double().numpy() for each in inputs]
    ours = np.stack([np.concatenate([embed(each) for each in inputs]), embed(together)])
    theirs = np.concatenate(reference)
    norms = np.linalg.norm(ours.astype(np.float64), axis=-1) * np.linalg.norm(theirs, axis=-1)
    return float(((ours * theirs).sum(axis=-1) / norms).min())
