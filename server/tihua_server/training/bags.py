"""Embeds batches of texts of different lengths as `TextTower.embed` does, but without padding.

Padded to the longest text, half of a batch would be padding. Here the texts are concatenated, and
looking up and summing are one operation, which takes a third of the time.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tihua_server.clip.tiny_network import TextTower
from tihua_server.types import TokenArray


def embed_texts(tower: TextTower, texts: Sequence[TokenArray]) -> Tensor:
    """Return the embeddings, (len(texts), dim) of L2 norm 1, with their gradient.

    Args:
        tower: the text tower.
        texts: token ids, with or without [CLS] and [SEP]; at least one token each.
    """
    device = tower.character_row.device
    lengths = np.array([len(text) for text in texts])
    starts = torch.from_numpy(np.cumsum(lengths) - lengths).to(device)
    rows = tower.rows(torch.from_numpy(np.concatenate(texts)).to(device))
    pairs = functional.pad(tower.pairs(rows), (0, 1))
    # The last token of a text and the first of the next are not a pair.
    pairs[torch.from_numpy(np.cumsum(lengths) - 1).to(device)] = 0
    bag = _sum(tower.characters, tower.character_weight, rows, starts)
    return tower.project_bag(bag + _sum(tower.bigrams, tower.bigram_weight, pairs, starts))


def _sum(table: nn.Embedding, weight: nn.Embedding, rows: Tensor, starts: Tensor) -> Tensor:
    weights = weight(rows).squeeze(-1).exp() * (rows > 0)
    return functional.embedding_bag(
        rows, table.weight, starts, mode="sum", per_sample_weights=weights
    )
