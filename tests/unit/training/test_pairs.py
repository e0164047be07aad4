"""Batches of pairs of picture and caption."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tihua_server.training.pairs import PairDealer
from tihua_server.training.photographs import Photographs


def _photographs(folder: Path, *caption_counts: int) -> Photographs:
    (folder / "train").mkdir()
    lines = ["image\tcaption"]
    for number, count in enumerate(caption_counts):
        Image.new("RGB", (8, 8)).save(folder / "train" / f"{number}.png")
        lines += [f"train/{number}.png\t第{number}张的第{caption}句" for caption in range(count)]
    (folder / "captions.tsv").write_text("\n".join(lines), encoding="utf-8")
    return Photographs(folder, "train", views=4, seed=0)


@pytest.mark.parametrize("batch_size", [3, 4, 128])
def test_every_pair_is_dealt_once_and_no_picture_meets_itself(
    tmp_path: Path, batch_size: int
) -> None:
    """Its other captions would be negatives."""
    counts = (3, 3, 2, 2, 1)
    dealer = PairDealer(_photographs(tmp_path, *counts), batch_size)
    for seed in range(5):
        batches = dealer.epoch(np.random.default_rng(seed))
        assert len(batches) == len(dealer)
        for batch in batches:
            assert len({pair.photograph for pair in batch}) == len(batch)
            assert 2 <= len(batch) <= batch_size
        dealt = sorted((pair.photograph, pair.caption) for batch in batches for pair in batch)
        assert dealt == [(at, of) for at, count in enumerate(counts) for of in range(count)]


def test_batches_are_alike_where_captions_are_not(tmp_path: Path) -> None:
    """Otherwise most steps would have only two pictures."""
    dealer = PairDealer(_photographs(tmp_path, *[1] * 100, 20, 20), 128)
    sizes = [len(batch) for batch in dealer.epoch(np.random.default_rng(0))]
    assert sizes == [7] * 20


def test_what_can_have_no_partner_is_left_out(tmp_path: Path) -> None:
    """Captions of a picture that has more than any other, and a single pair."""
    dealer = PairDealer(_photographs(tmp_path, 9, 2, 1), 2)
    batches = dealer.epoch(np.random.default_rng(0))
    assert [len(batch) for batch in batches] == [2] * len(dealer) == [2, 2]


def test_epochs_are_dealt_differently(tmp_path: Path) -> None:
    """Only the generator decides."""
    dealer = PairDealer(_photographs(tmp_path, 3, 3, 2), 2)
    first, again, other = (dealer.epoch(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again != other
