"""What is trained on: texts with features, and which part of them an epoch takes."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from tihua_server.training.features import HalfArray
from tihua_server.training.pictures import TextSource


@dataclass(frozen=True, slots=True)
class Album:
    """Pictures ready to train on.

    Attributes:
        source: the texts.
        maps: for each view the frozen maps, (len(source), …) float16; empty where there are only
            features and no pictures.
        pooled: for each view the pooled features as ImageNet made them, (len(source), 1280).
        share: part of the pictures that one epoch takes, in (0, 1].
        has_captions: whether the texts are sentences; else they are names and keywords.
    """

    source: TextSource
    maps: tuple[HalfArray, ...]
    pooled: tuple[Tensor, ...]
    share: float
    has_captions: bool


@dataclass(frozen=True, slots=True)
class Pick:
    """One picture of an epoch: which album, picture and view."""

    album: int
    index: int
    view: int


def picks_of_epoch(albums: tuple[Album, ...], random: np.random.Generator) -> list[Pick]:
    """Return the pictures of one epoch, each in a view drawn by chance, shuffled."""
    picks = []
    for number, album in enumerate(albums):
        count = len(album.source)
        taken = random.permutation(count)[: round(count * album.share)]
        views = random.integers(len(album.pooled), size=len(taken))
        picks += [
            Pick(number, int(index), int(view)) for index, view in zip(taken, views, strict=True)
        ]
    order = random.permutation(len(picks))
    return [picks[int(at)] for at in order]
