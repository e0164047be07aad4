"""Albums of texts with features, and the batches of an epoch that are drawn from them.

Captions are the most useful negatives of other captions, so photographs fill most of a batch. The
rest is some emoji, each in two sets, so that one designer's picture has to find the other's, and
some of everything else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from tihua_server.training.pictures import TextSource
from tihua_server.training.windows import Windows


@dataclass(frozen=True, slots=True)
class Album:
    """Pictures ready to train on.

    Attributes:
        source: the texts.
        pooled: for each view, the pooled features before the training: (len(source), 1280).
        has_captions: whether the texts are sentences; if not, they are names and keywords.
        windows: of each picture, for training the tower; None if the tower is not trained, or if
            the source has features but no pictures.
    """

    source: TextSource
    pooled: tuple[Tensor, ...]
    has_captions: bool
    windows: Windows | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """One picture of a batch: the indices of its album, of the picture and of the view."""

    album: int
    index: int
    view: int


class Mixture:
    """Draws the batches of an epoch.

    An epoch shows every captioned picture once, except a random rest that does not fill a batch.
    Without captioned pictures, it has as many batches as the things of `twins` fill.

    Args:
        captioned: albums with captions.
        twins: albums of the same things in different styles, matched by `TextSource.group`.
        others: albums of everything else, with names and keywords.
        captions_per_batch: pictures of `captioned` in a batch.
        twins_per_batch: things of `twins` in a batch, with two pictures each where there are two.
        others_per_batch: pictures of `others` in a batch; each album is equally likely.
    """

    def __init__(
        self,
        captioned: Sequence[Album],
        twins: Sequence[Album],
        others: Sequence[Album],
        *,
        captions_per_batch: int,
        twins_per_batch: int,
        others_per_batch: int,
    ) -> None:
        self.albums = (*captioned, *twins, *others)
        self._captioned = _places(captioned, first=0)
        self._others = range(len(captioned) + len(twins), len(self.albums))
        by_group: dict[str, list[tuple[int, int]]] = {}
        for number, index in _places(twins, first=len(captioned)):
            group = self.albums[number].source.group(index)
            by_group.setdefault(group, []).append((number, index))
        self._things = [by_group[group] for group in sorted(by_group)]
        self._sizes = captions_per_batch, twins_per_batch, others_per_batch

    def __len__(self) -> int:
        """Return the number of batches of an epoch, 1 or more."""
        captions, twins, _ = self._sizes
        if self._captioned:
            return max(1, len(self._captioned) // captions)
        return max(1, len(self._things) // twins)

    def epoch(self, random: np.random.Generator) -> Iterator[list[Pick]]:
        """Yield the batches of an epoch, each picture in a random view."""
        captions, twins, others = self._sizes
        order = random.permutation(len(self._captioned))
        for batch in range(len(self)):
            places = [
                self._captioned[int(at)] for at in order[batch * captions : (batch + 1) * captions]
            ]
            for at in _some(random, len(self._things), twins):
                shown = self._things[at]
                places += [shown[int(way)] for way in random.permutation(len(shown))[:2]]
            for _ in range(others if self._others else 0):
                number = self._others[int(random.integers(len(self._others)))]
                places.append((number, int(random.integers(len(self.albums[number].source)))))
            yield [
                Pick(number, index, int(random.integers(len(self.albums[number].pooled))))
                for number, index in places
            ]


def _places(albums: Sequence[Album], *, first: int) -> list[tuple[int, int]]:
    """Return album and index of every picture; albums are numbered from `first`."""
    return [
        (number, index)
        for number, album in enumerate(albums, start=first)
        for index in range(len(album.source))
    ]


def _some(random: np.random.Generator, count: int, wanted: int) -> list[int]:
    """Return `wanted` distinct random numbers below `count`, or all of them if there are fewer."""
    return random.choice(count, size=min(count, wanted), replace=False).tolist() if count else []
