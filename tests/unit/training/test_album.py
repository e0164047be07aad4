"""What goes into a batch."""

from collections import Counter

import numpy as np
import pytest
import torch
from tihua_server.training.album import Album, Mixture


class _Things:
    """Texts that are never read; the group of each is given."""

    def __init__(self, name: str, groups: str) -> None:
        self.name = self.digest = name
        self._groups = groups

    def __len__(self) -> int:
        return len(self._groups)

    def texts(self, index: int) -> tuple[str, ...]:
        return (self.name,)

    def group(self, index: int) -> str:
        return self._groups[index]


def _album(name: str, groups: str, views: int = 1) -> Album:
    pooled = tuple(torch.zeros(len(groups), 4) for _ in range(views))
    return Album(source=_Things(name, groups), pooled=pooled, has_captions=False)


PHOTOGRAPHS = _album("photographs", "abcdefgh", views=2)
NOTO, OPENMOJI = _album("noto", "123"), _album("openmoji", "234")
OTHERS = _album("others", "xyz")


def _mixture(*captioned: Album) -> Mixture:
    return Mixture(
        captioned,
        [NOTO, OPENMOJI],
        [OTHERS],
        captions_per_batch=4,
        twins_per_batch=2,
        others_per_batch=1,
    )


@pytest.mark.parametrize("seed", range(5))
def test_an_epoch_sees_every_photograph_once(seed: int) -> None:
    """Each batch has its share of every kind."""
    mixture = _mixture(PHOTOGRAPHS)
    batches = list(mixture.epoch(np.random.default_rng(seed)))
    assert len(batches) == len(mixture) == 2
    seen = sorted(pick.index for batch in batches for pick in batch if pick.album == 0)
    assert seen == list(range(8))
    for batch in batches:
        kinds = Counter(pick.album for pick in batch)
        assert (kinds[0], kinds[3]) == (4, 1)
        assert 2 <= kinds[1] + kinds[2] <= 4


@pytest.mark.parametrize("seed", range(5))
def test_a_thing_comes_in_both_sets_that_have_it(seed: int) -> None:
    """Otherwise there would be no twin to find."""
    mixture = _mixture(PHOTOGRAPHS)
    for batch in mixture.epoch(np.random.default_rng(seed)):
        emoji = [
            (mixture.albums[pick.album].source.group(pick.index), pick.album)
            for pick in batch
            if pick.album in (1, 2)
        ]
        sets = {group: {album for other, album in emoji if other == group} for group, _ in emoji}
        assert all(len(found) == (2 if group in "23" else 1) for group, found in sets.items())


def test_without_photographs_an_epoch_is_of_emoji() -> None:
    """As many batches as the things fill."""
    mixture = _mixture()
    assert len(mixture) == 2
    assert all(len(batch) >= 3 for batch in mixture.epoch(np.random.default_rng(0)))


def test_a_seed_fixes_an_epoch() -> None:
    """A resumed run draws the same as an uninterrupted one."""
    one, other = (list(_mixture(PHOTOGRAPHS).epoch(np.random.default_rng(3))) for _ in range(2))
    assert one == other
    assert one != list(_mixture(PHOTOGRAPHS).epoch(np.random.default_rng(4)))
