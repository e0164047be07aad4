"""The network of `tihua-tiny`: EfficientNet-Lite for pictures, a bag of characters for texts."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tihua_server.clip.efficientnet_lite import POOLED_CHANNELS, EfficientNetLite2

VOCAB_SIZE = 21_128
"""Entries of cn_clip's `vocab.txt`, the BERT vocabulary of Chinese-CLIP."""

PADDING = 0
UNKNOWN = 1
FIRST_TOKEN = 2
"""Rows of the character table: padding, tokens not seen in training, the first token that was."""

IMAGE_SIZES = range(32, 1025)
"""Picture sides that a model file may ask for, in pixels: the tower halves a side five times."""

TABLE_STD = 0.05
"""Standard deviation of newly initialized rows. With torch's 1.0, training hardly changes them, and
R@10 on val is 34 instead of 42."""


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The sizes of a network; written into its file, so that the file says how to read itself.

    Attributes:
        image_size: side of the square picture, in pixels.
        dim: length of an embedding.
        image_hidden: width of the hidden layer over the pooled picture.
        characters: rows of the character table, the first two included.
        bigrams: rows of the bigram table, the first (none) included.
        character_dim: length of a row of either table.
        text_hidden: width of the hidden layer over the bag.
    """

    image_size: int = 224
    dim: int = 512
    image_hidden: int = 1024
    characters: int = FIRST_TOKEN
    bigrams: int = 1
    character_dim: int = 384
    text_hidden: int = 1024

    def to_metadata(self) -> dict[str, str]:
        """Return the sizes as the strings that a safetensors header holds."""
        return {name: str(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "NetworkShape":
        """Read the sizes back.

        Raises:
            KeyError: a size is missing.
            ValueError: a size is not a number, or that of pictures is not in `IMAGE_SIZES`.
        """
        shape = cls(**{name: int(metadata[name]) for name in cls.__slots__})
        if shape.image_size not in IMAGE_SIZES:
            raise ValueError(
                f"its pictures are {shape.image_size} px; {IMAGE_SIZES[0]} to {IMAGE_SIZES[-1]} can"
                " be served"
            )
        return shape


class ImageTower(EfficientNetLite2):
    """EfficientNet-Lite2, then two linear layers into the joint space."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(POOLED_CHANNELS)
        self.hidden = nn.Linear(POOLED_CHANNELS, shape.image_hidden)
        self.project = nn.Linear(shape.image_hidden, shape.dim)
        self.direct = nn.Linear(POOLED_CHANNELS, shape.dim, bias=False)
        self.dropout = nn.Dropout(0.0)

    def embed(self, pooled: Tensor) -> Tensor:
        """Return the embeddings, (batch, dim) of L2 norm 1, of pooled features (batch, 1280)."""
        normed = self.dropout(self.norm(pooled))
        hidden = self.dropout(functional.gelu(self.hidden(normed)))
        return functional.normalize(self.project(hidden) + self.direct(normed), dim=-1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the embeddings, (batch, dim) of L2 norm 1, of (batch, 3, side, side) pixels."""
        return self.embed(self.pool(self.lower(pixels)))


class TextTower(nn.Module):
    """A weighted bag of characters and of pairs of neighbours, then two linear layers.

    Only the tokens and pairs seen in training have a row: `character_row` maps the whole
    vocabulary to rows, and `bigram_key` holds the known pairs, sorted, as
    `first_row * characters + second_row`.
    """

    character_row: Tensor
    bigram_key: Tensor

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.characters = nn.Embedding(shape.characters, shape.character_dim, padding_idx=PADDING)
        self.bigrams = nn.Embedding(shape.bigrams, shape.character_dim, padding_idx=0)
        self.character_weight = nn.Embedding(shape.characters, 1)
        self.bigram_weight = nn.Embedding(shape.bigrams, 1)
        self.norm = nn.LayerNorm(shape.character_dim)
        self.hidden = nn.Linear(shape.character_dim, shape.text_hidden)
        self.project = nn.Linear(shape.text_hidden, shape.dim)
        self.direct = nn.Linear(shape.character_dim, shape.dim, bias=False)
        self.dropout = nn.Dropout(0.0)
        for table in (self.characters, self.bigrams):
            nn.init.normal_(table.weight, std=TABLE_STD)
        for weight in (self.character_weight, self.bigram_weight):
            nn.init.zeros_(weight.weight)
        with torch.no_grad():
            self.characters.weight[UNKNOWN] = 0.0
        self.register_buffer("character_row", torch.zeros(VOCAB_SIZE, dtype=torch.int32))
        self.register_buffer("bigram_key", torch.zeros(shape.bigrams, dtype=torch.int64))

    def rows(self, ids: Tensor) -> Tensor:
        """Return the character rows of token ids, both (batch, length)."""
        return self.character_row[ids].long()

    def pairs(self, rows: Tensor) -> Tensor:
        """Return the bigram rows, (…, length - 1), of character rows (…, length)."""
        keys = rows[..., :-1] * self.characters.num_embeddings + rows[..., 1:]
        found = torch.searchsorted(self.bigram_key, keys).clamp(max=len(self.bigram_key) - 1)
        return torch.where(self.bigram_key[found] == keys, found, torch.zeros_like(found))

    def embed(self, rows: Tensor) -> Tensor:
        """Return the embeddings, (batch, dim) of L2 norm 1, of character rows (batch, length)."""
        pairs = self.pairs(rows)
        parts = torch.cat([self.characters(rows), self.bigrams(pairs)], dim=1)
        weights = torch.cat([self.character_weight(rows), self.bigram_weight(pairs)], dim=1)
        is_there = torch.cat([rows, pairs], dim=1).unsqueeze(-1) > 0
        # The norm that follows divides the length out, so this may stay a sum.
        return self.project_bag((parts * weights.exp() * is_there).sum(dim=1))

    def project_bag(self, bag: Tensor) -> Tensor:
        """Return the embeddings, (batch, dim) of L2 norm 1, of bags (batch, character_dim)."""
        normed = self.dropout(self.norm(bag))
        hidden = self.dropout(functional.gelu(self.hidden(normed)))
        return functional.normalize(self.project(hidden) + self.direct(normed), dim=-1)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the embeddings, (batch, dim) of L2 norm 1, of token ids (batch, length)."""
        return self.embed(self.rows(ids))


class TinyNetwork(nn.Module):
    """The two towers."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.image = ImageTower(shape)
        self.text = TextTower(shape)
