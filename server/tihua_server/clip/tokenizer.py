"""Text → tokens, exactly as cn_clip's `clip.tokenize` makes them, in bounded time.

cn_clip cleans, splits and looks up the whole text, then keeps the first 50 tokens: 100 000
characters cost a tenth of a second, and maliciously chosen ones many times that. Here only as much
of the text is read as can fill the context, and a word is looked up only until the context is full.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from tihua_server.types import TokenArray, Tokens

if TYPE_CHECKING:
    from cn_clip.clip.bert_tokenizer import FullTokenizer

CONTEXT_LENGTH = 52
"""Tokens per text, [CLS] and [SEP] included (Chinese-CLIP, Yang et al. 2022, arXiv:2211.01335)."""

PAD = 0
"""The token [PAD] of cn_clip's vocabulary, which the text towers mask."""

_FIRST_PREFIX = 256
"""Characters that are read first; a line of a poem, and nearly every caption, is shorter."""

_BOUNDARY = re.compile(r"[ \t\n\r\u3000\u3400-\u4dbf\u4e00-\u9fff]")
"""Characters before which a word always ends: blanks, and CJK characters, each a word by itself."""


@functools.cache
def _cn_clip_tokenizer() -> "FullTokenizer":
    from tihua_server.clip.torchvision_operators import define_missing_operators

    define_missing_operators()
    # Importing it imports torch, which takes seconds: not before it is needed.
    from cn_clip.clip.bert_tokenizer import FullTokenizer

    return FullTokenizer()


class Tokenizer:
    """The tokenizer of Chinese-CLIP: lower-cased BERT word pieces, one token a Chinese character.

    Quotation marks are left as they are: `clip.tokenize` does not turn “ into ", although the
    training code of cn_clip did. Any `str` is accepted: NUL, control characters and U+FFFD are
    dropped, emoji, lone surrogates and other unknown words become [UNK], an empty or blank text
    is [CLS] [SEP]. May be used by several threads at once.

    Args:
        context_length: tokens per text, [CLS] and [SEP] included, 3 or more.

    Raises:
        ValueError: `context_length` leaves no room for a token.
    """

    def __init__(self, context_length: int = CONTEXT_LENGTH) -> None:
        if context_length < 3:
            raise ValueError(f"context_length is {context_length}; it must be 3 or more")
        self.context_length = context_length
        tokenizer = _cn_clip_tokenizer()
        self._vocab: dict[str, int] = tokenizer.vocab
        self._longest_piece = max(map(len, self._vocab))
        self._longest_word: int = tokenizer.wordpiece_tokenizer.max_input_chars_per_word
        self._split = tokenizer.basic_tokenizer.tokenize
        self._unknown = self._vocab["[UNK]"]

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """The token of every word, word piece (##…) and special word ([CLS])."""
        return self._vocab

    def tokenize(self, text: str) -> Tokens:
        """Return the tokens of one text, cut to the context.

        Args:
            text: of any length.

        Returns:
            ids: (length,) int64, [CLS] first and [SEP] last, no padding; `is_truncated` when
            tokens had to be left out.
        """
        room = self.context_length - 2
        ids: list[int] = []
        for prefix in _prefixes(text):
            ids = list(islice(self._ids(prefix), room + 1))
            if len(ids) > room:
                break
        framed = [self._vocab["[CLS]"], *ids[:room], self._vocab["[SEP]"]]
        return Tokens(ids=np.array(framed, dtype=np.int64), is_truncated=len(ids) > room)

    def _ids(self, text: str) -> Iterator[int]:
        for word in self._split(text):
            yield from self._pieces(word)

    def _pieces(self, word: str) -> list[int]:
        """Return the longest pieces of a word, left to right, or [UNK] if one is unknown.

        cn_clip's `WordpieceTokenizer`, which tries every length down from the whole word, without
        the lengths that no entry of the vocabulary has.
        """
        if len(word) > self._longest_word:
            return [self._unknown]
        ids: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(min(len(word), start + self._longest_piece), start, -1):
                piece = self._vocab.get(prefix + word[start:end])
                if piece is not None:
                    break
            else:
                return [self._unknown]
            ids.append(piece)
            start = end
        return ids


def _prefixes(text: str) -> Iterator[str]:
    """Yield ever longer beginnings that end between two words, the whole text last.

    A word is never cut: its tokens depend on the whole of it (for example, Σ has a different lower
    case at the end of a word, and a word of more than 200 characters is [UNK]).
    """
    length = _FIRST_PREFIX
    while match := _BOUNDARY.search(text, length):
        yield text[: match.start()]
        length = 4 * match.start()
    yield text


def padded(texts: Sequence[TokenArray]) -> TokenArray:
    """Return token ids padded with [PAD] to the longest: (len(texts), length) int64."""
    rows = np.full((len(texts), max(map(len, texts))), PAD, dtype=np.int64)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = text
    return rows
