"""A packed text tower skips padding, and computes what the padded one does."""

import numpy as np
import pytest
import torch
from small_clip import small_towers
from tihua_server.clip.chinese_clip import TextTower
from tihua_server.clip.model import Packable
from tihua_server.clip.packed_text import pack

BATCHES = (
    [[101, 4345, 102]],
    [[101, 4345, 102], [101, 102, 0], [101, 1921, 102]],
    [[101, 4345, 102, 0, 0, 0], [101, 1921, 3717, 677, 678, 102], [101, 0, 0, 0, 0, 0]],
)


@pytest.mark.parametrize("rows", BATCHES)
def test_padding_changes_nothing(rows: list[list[int]]) -> None:
    """Each text gets the embedding of the padded tower, whatever else is in the batch."""
    tower = small_towers().text
    assert isinstance(tower, TextTower)
    assert isinstance(tower, Packable)
    ids = np.array(rows)
    expected = tower(torch.from_numpy(ids))
    packed = tower.packed()(*map(torch.from_numpy, pack(ids)))
    torch.testing.assert_close(packed, expected, rtol=1e-4, atol=1e-5)


def test_only_tokens_are_packed() -> None:
    """Each token has a place, in order, and is found again by its text."""
    ids, grid, places = pack(np.array([[101, 5, 102, 0], [101, 102, 0, 0]]))
    np.testing.assert_array_equal(ids.flatten()[places], [101, 5, 102, 101, 102])
    np.testing.assert_array_equal(grid[:, :2], [[0, 1], [3, 4]])
    np.testing.assert_array_equal(grid[0], [0, 1, 2, 0])
