"""The tokens and pairs of tokens that have a row in the text tower's tables."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch

from tihua_server.clip.tiny_network import (
    FIRST_TOKEN,
    PADDING,
    UNKNOWN,
    VOCAB_SIZE,
    NetworkShape,
    TextTower,
)
from tihua_server.training.spellings import simplified_tokens
from tihua_server.types import TokenArray


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens and the pairs of tokens that have a row.

    All spellings of a character share a row: 樹 has that of 树.

    Attributes:
        tokens: in the order of their rows, which begin at `FIRST_TOKEN`.
        pairs: rows of the two tokens of each pair, sorted.
    """

    tokens: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]

    @classmethod
    def of(
        cls, texts: Iterable[TokenArray], *, max_pairs: int, min_pair_count: int
    ) -> "Vocabulary":
        """Return the vocabulary of the training texts.

        Args:
            texts: token ids with [CLS] and [SEP], which get no row.
            max_pairs: how many pairs to keep at most, the most frequent first.
            min_pair_count: number of occurrences that a pair needs.
        """
        simplified = simplified_tokens()
        inner = [[simplified.get(token, token) for token in text[1:-1].tolist()] for text in texts]
        tokens = tuple(sorted({token for text in inner for token in text}))
        row = {token: index + FIRST_TOKEN for index, token in enumerate(tokens)}
        counts = Counter(pair for text in inner for pair in pairwise(text))
        frequent = [
            (row[left], row[right])
            for (left, right), count in counts.most_common(max_pairs)
            if count >= min_pair_count
        ]
        return cls(tokens=tokens, pairs=tuple(sorted(frequent)))

    @classmethod
    def of_tower(cls, tower: TextTower) -> "Vocabulary":
        """Return the vocabulary that a tower was trained with."""
        old = rows_of_simplified(tower)
        row = {old[token]: index + FIRST_TOKEN for index, token in enumerate(sorted(old))}
        width = tower.characters.num_embeddings
        pairs = sorted(
            (row[left], row[right])
            for left, right in (divmod(key, width) for key in tower.bigram_key[1:].tolist())
            if left in row and right in row
        )
        return cls(tokens=tuple(sorted(old)), pairs=tuple(pairs))

    def united(self, other: "Vocabulary") -> "Vocabulary":
        """Return the vocabulary of the tokens and pairs of either."""
        tokens = tuple(sorted({*self.tokens, *other.tokens}))
        row = {token: index + FIRST_TOKEN for index, token in enumerate(tokens)}
        pairs = {
            (row[each.tokens[left - FIRST_TOKEN]], row[each.tokens[right - FIRST_TOKEN]])
            for each in (self, other)
            for left, right in each.pairs
        }
        return Vocabulary(tokens=tokens, pairs=tuple(sorted(pairs)))

    def shape(self, base: NetworkShape) -> NetworkShape:
        """Return the shape of a network with this vocabulary."""
        return NetworkShape(
            image_size=base.image_size,
            dim=base.dim,
            image_hidden=base.image_hidden,
            characters=len(self.tokens) + FIRST_TOKEN,
            bigrams=len(self.pairs) + 1,
            character_dim=base.character_dim,
            text_hidden=base.text_hidden,
        )

    def fill(self, tower: TextTower) -> None:
        """Fill the lookup tables of a text tower: `character_row` and `bigram_key`."""
        simplified = simplified_tokens()
        row = {token: index + FIRST_TOKEN for index, token in enumerate(self.tokens)}
        row |= dict.fromkeys(SILENT_TOKENS, PADDING)
        rows = [row.get(simplified.get(token, token), UNKNOWN) for token in range(VOCAB_SIZE)]
        tower.character_row.copy_(torch.tensor(rows, dtype=torch.int32))
        width = len(self.tokens) + FIRST_TOKEN
        keys = [-1, *(left * width + right for left, right in self.pairs)]
        tower.bigram_key.copy_(torch.tensor(keys, dtype=torch.int64))


SILENT_TOKENS = (0, 101, 102)
"""[PAD], [CLS] and [SEP] of cn_clip's vocabulary: they mean nothing in a bag of characters."""


def rows_of_simplified(tower: TextTower) -> dict[int, int]:
    """Return token → row of every known character, where the token is that of its simplified form.

    A tower that was trained before spellings shared a row may have two rows for a character; that
    of the simplified form is returned.
    """
    simplified = simplified_tokens()
    rows = dict(enumerate(tower.character_row.tolist()))
    known = {token: row for token, row in rows.items() if row >= FIRST_TOKEN}
    return {simplified.get(token, token): row for token, row in known.items()} | {
        token: row for token, row in known.items() if token not in simplified
    }
