"""Draws the texts of pictures for a training step, with small random changes.

People search with fragments: a noun, half a sentence, a line of verse full of words that the
picture does not show. So captions are cut and thinned, and names are joined and mixed with foreign
words.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from tihua_server.types import TokenArray


class CaptionSampler:
    """Draws texts for pictures.

    Args:
        tokens: the tokens of every text, [CLS] and [SEP] included.
        random: generator of every draw.
        thinning: share of a caption's characters that are left out, 0 to below 1.
    """

    def __init__(
        self, tokens: Mapping[str, TokenArray], random: np.random.Generator, *, thinning: float
    ) -> None:
        self._tokens = {text: ids[1:-1] for text, ids in tokens.items()}
        self._pool = np.concatenate(list(self._tokens.values()))
        self._random = random
        self._thinning = thinning

    def captions(self, texts: Sequence[str], count: int) -> list[tuple[str, TokenArray]]:
        """Return `count` captions; none is repeated before all were drawn."""
        order = self._random.permutation(len(texts))
        return [self.caption(texts[int(order[at % len(texts)])]) for at in range(count)]

    def names(self, texts: Sequence[str], count: int) -> list[tuple[str, TokenArray]]:
        """Return `count` names or keywords, drawn independently."""
        return [self.name(texts) for _ in range(count)]

    def caption(self, text: str) -> tuple[str, TokenArray]:
        """Return a caption and its tokens, thinned and, one time in eight, cut to a part."""
        tokens = self._tokens[text]
        if self._random.random() < 0.12 and len(tokens) > 3:
            length = int(self._random.integers(2, len(tokens)))
            start = int(self._random.integers(len(tokens) - length + 1))
            tokens = tokens[start : start + length]
        return text, self._thinned(tokens)

    def name(self, texts: Sequence[str]) -> tuple[str, TokenArray]:
        """Return a name or keyword and its tokens, often with another or foreign ones around."""
        first = 0 if self._random.random() < 0.4 else int(self._random.integers(len(texts)))
        text = texts[first]
        tokens = self._tokens[text]
        chance = self._random.random()
        if chance < 0.25:
            other = self._tokens[texts[int(self._random.integers(len(texts)))]]
            tokens = np.concatenate([tokens, other])
        elif chance < 0.45:
            tokens = self._diluted(tokens)
        return text, tokens

    def _thinned(self, tokens: TokenArray) -> TokenArray:
        kept = tokens[self._random.random(len(tokens)) >= self._thinning]
        return kept if len(kept) else tokens

    def _diluted(self, tokens: TokenArray) -> TokenArray:
        """Return the tokens with up to three characters of other texts before and after them."""
        before, behind = (
            self._random.choice(self._pool, size=int(self._random.integers(0, 4))) for _ in range(2)
        )
        return np.concatenate([before, tokens, behind])
