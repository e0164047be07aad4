"""Copies a trained text tower into one whose tables have other rows."""

import torch
from torch import Tensor

from tihua_server.clip.tiny_network import TextTower
from tihua_server.training.vocabulary import rows_of_simplified


def hand_down(old: TextTower, new: TextTower) -> None:
    """Copy all weights, and table rows by token and by pair.

    Texts embed as before, unless the old tower had two rows for a character (`rows_of_simplified`).

    Rows of tokens and pairs that only the new tower has become zero: they say nothing yet, as in
    the old tower. Rows drawn at random would shift the embedding of every text that has them.

    Args:
        old: the trained tower.
        new: the tower to overwrite: of the same shape but for the number of rows, with its lookup
            tables filled (`Vocabulary.fill`).
    """
    rows = _character_rows(old, new)
    keys = new.bigram_key[1:]
    left, right = keys // new.characters.num_embeddings, keys % new.characters.num_embeddings
    pairs = torch.cat(
        [
            torch.zeros(1, dtype=torch.int64),
            old.pairs(torch.stack([rows[left], rows[right]], dim=1))[:, 0],
        ]
    )
    with torch.no_grad():
        for name, tensor in old.named_parameters():
            table = name.removesuffix(".weight")
            if table in ("characters", "character_weight"):
                _copy_rows(tensor, new.get_parameter(name), rows)
            elif table in ("bigrams", "bigram_weight"):
                _copy_rows(tensor, new.get_parameter(name), pairs)
            else:
                new.get_parameter(name).copy_(tensor)


def _character_rows(old: TextTower, new: TextTower) -> Tensor:
    """Return the old row of each new row; 0 where there is none."""
    rows = torch.zeros(new.characters.num_embeddings, dtype=torch.int64)
    had = rows_of_simplified(old)
    for token, row in rows_of_simplified(new).items():
        rows[row] = had.get(token, 0)
    return rows


def _copy_rows(old: Tensor, new: Tensor, rows: Tensor) -> None:
    is_there = rows > 0
    new.zero_()
    new[is_there] = old[rows[is_there]]
    new[0] = old[0]
