"""What is trained on: texts with features, and what goes into one batch of them.

A caption is told apart best from other captions, so photographs fill most of a batch; beside them
stand some emoji, each in two sets, so that the same thing drawn by others is a picture to find, and
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
        pooled: for each view the pooled features as they were before, (len(source), 1280).
        has_captions: whether the texts are sentences; else they are names and keywords.
        windows: of each picture, for training the tower; None where there are only features and no
            pictures, or where the tower is not trained.
    """

    source: TextSource
    pooled: tuple[Tensor, ...]
    has_captions: bool
    windows: Windows | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """One picture of a batch: which album, picture and view."""

    album: int
    index: int
    view: int


class Mixture:
    """Draws the batches of an epoch.

    An epoch sees every captioned picture once, or without any every emoji, but for those, drawn
    anew each time, that do not fill a last batch.

    Args:
        captioned: the albums with captions.
        twins: those that show the same things, each in its own way; groups tell which.
        others: names and keywords of everything else.
        captions_per_batch: pictures of the first kind in a batch.
        twins_per_batch: things of the second kind in a batch, two pictures each where there are.
        others_per_batch: pictures of the third kind in a batch; large and small albums alike.
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
        """Return the number of batches of an epoch, 1 at least."""
        captions, twins, _ = self._sizes
        if self._captioned:
            return max(1, len(self._captioned) // captions)
        return max(1, len(self._things) // twins)

    def epoch(self, random: np.random.Generator) -> Iterator[list[Pick]]:
        """Yield the batches of an epoch, every picture in a view drawn by chance."""
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
    """Return album and index of every picture, the albums being numbered from `first`."""
    return [
        (number, index)
        for number, album in enumerate(albums, start=first)
        for index in range(len(album.source))
    ]


def _some(random: np.random.Generator, count: int, wanted: int) -> list[int]:
    """Return different numbers below `count`, as many as are wanted or there are."""
    return random.choice(count, size=min(count, wanted), replace=False).tolist() if count else []
