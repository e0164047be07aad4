"""How pairs of picture and caption come together in batches."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tihua_server.training.pairs import PairDealer
from tihua_server.training.photographs import Photographs

CAPTION_COUNTS = (3, 3, 2, 2, 1)


@pytest.fixture
def photographs(tmp_path: Path) -> Photographs:
    """Five, of which two have three captions, two have two and one has one."""
    (tmp_path / "train").mkdir()
    lines = ["image\tcaption"]
    for number, count in enumerate(CAPTION_COUNTS):
        Image.new("RGB", (8, 8)).save(tmp_path / "train" / f"{number}.png")
        lines += [f"train/{number}.png\t第{number}张的第{caption}句" for caption in range(count)]
    (tmp_path / "captions.tsv").write_text("\n".join(lines), encoding="utf-8")
    return Photographs(tmp_path, "train", views=4, seed=0)


@pytest.mark.parametrize("batch_size", [2, 3, 128])
def test_every_pair_is_dealt_once_and_no_picture_meets_itself(
    photographs: Photographs, batch_size: int
) -> None:
    """Its other captions would be taught to be wrong."""
    dealer = PairDealer(photographs, batch_size)
    for seed in range(5):
        batches = dealer.epoch(np.random.default_rng(seed))
        assert len(batches) == len(dealer)
        for batch in batches:
            assert len({pair.photograph for pair in batch}) == len(batch) <= batch_size
        dealt = sorted((pair.photograph, pair.caption) for batch in batches for pair in batch)
        wanted = [
            (at, caption) for at, count in enumerate(CAPTION_COUNTS) for caption in range(count)
        ]
        assert dealt == wanted


def test_epochs_are_dealt_differently(photographs: Photographs) -> None:
    """By the generator, and by it alone."""
    dealer = PairDealer(photographs, 2)
    first, again, other = (dealer.epoch(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again != other
