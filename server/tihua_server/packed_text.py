"""cn_clip's BERT for texts of different lengths: what costs is done of tokens, and not of padding.

Texts are padded to the longest of their batch. A product of matrices sees rows, whichever text they
are of: so the tokens' states are packed, one after the other, and only attention, a few percent of
what a short text costs, finds them where they stood.

    ids (batch, length) ──> states (tokens, width) ──> products
                               │ grid      ▲ places
                               ▼           │
                            attention (batch, length, width)
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn
from torch.nn import functional

from tihua_server.types import TokenArray

MASKED = -10_000.0
"""Added to the score of padding, as cn_clip's BERT does."""


def pack(ids: TokenArray) -> list[npt.NDArray[np.int64]]:
    """Return what `PackedText` takes of (batch, length) int64, padded with 0.

    Returns:
        `ids`; `grid`, (batch, length) int64: which of the packed states is a token's, 0 for
        padding; `places`, (tokens,) int64: where in the flattened `ids` each of them stood.
    """
    is_token = ids != 0
    places = np.flatnonzero(is_token)
    grid = np.zeros_like(ids)
    grid[is_token] = np.arange(len(places))
    return [ids, grid, places]


class PackedText(nn.Module):
    """What a `TextTower` computes, padding left out.

    Args:
        bert: cn_clip's `BertModel` as a `TextTower` has it.
        projection: (width, dim).
    """

    def __init__(self, bert: Any, projection: Tensor) -> None:
        super().__init__()
        self.embeddings = bert.embeddings
        self.layers = bert.encoder.layer
        self.projection = projection

    def forward(self, ids: Tensor, grid: Tensor, places: Tensor) -> Tensor:
        """Return (batch, dim) of what `pack` returns."""
        mask = ids.eq(0).to(self.projection.dtype)[:, None, None] * MASKED
        states = self.embeddings(ids).flatten(0, 1)[places]
        for layer in self.layers[:-1]:
            query = layer.attention.self.query(states)[grid]
            mixed = _attended(layer, query, states, grid, mask)
            states = _after(layer, mixed.flatten(0, 1)[places], states)
        # Of the last layer [CLS] alone is looked at (`first_token.py`).
        last, first = self.layers[-1], states[grid[:, 0]]
        mixed = _attended(last, last.attention.self.query(first)[:, None], states, grid, mask)
        features: Tensor = _after(last, mixed[:, 0], first) @ self.projection
        return features


def _attended(layer: Any, query: Tensor, states: Tensor, grid: Tensor, mask: Tensor) -> Tensor:
    """Return what queries, (batch, queries, width), find among the tokens of their texts."""
    attention = layer.attention.self
    query, key, value = (
        each.unflatten(-1, (attention.heads, -1)).transpose(1, 2)
        for each in (query, attention.key(states)[grid], attention.value(states)[grid])
    )
    mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return mixed.transpose(1, 2).flatten(2)


def _after(layer: Any, mixed: Tensor, states: Tensor) -> Tensor:
    """Return the states after a layer, of what its attention found and those before."""
    attended = layer.attention.output(mixed, states)
    after: Tensor = layer.output(layer.intermediate(attended), attended)
    return after
