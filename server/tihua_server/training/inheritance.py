"""Gives a text tower what another one learned, whose tables have other rows."""

import torch
from torch import Tensor

from tihua_server.tiny_network import TextTower
from tihua_server.training.vocabulary import rows_of_simplified


def hand_down(old: TextTower, new: TextTower) -> None:
    """Copy all weights, and of the tables the rows of the tokens and pairs that both know.

    Args:
        old: the tower that learned; its sizes but for the tables are the new one's.
        new: the tower that goes on from there; its tables that find rows are filled.
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
    """Return the old row of every new one, 0 for what had none."""
    rows = torch.zeros(new.characters.num_embeddings, dtype=torch.int64)
    had = rows_of_simplified(old)
    for token, row in rows_of_simplified(new).items():
        rows[row] = had.get(token, 0)
    return rows


def _copy_rows(old: Tensor, new: Tensor, rows: Tensor) -> None:
    is_there = rows > 0
    new[is_there] = old[rows[is_there]]
    new[0] = old[0]
