"""A filter expression → its words, and how they are read: one after another."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tihua_server.errors import InvalidInput

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<string>"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
    | (?P<param>\{\w+\})
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<name>\$meta\b|[^\W\d]\w*)
    | (?P<operator>==|!=|<=|>=|&&|\|\||[<>!+\-*/%])
    | (?P<bracket>[()\[\],])
    """,
    re.VERBOSE,
)
_KEYWORDS = frozenset({"and", "or", "not", "in", "like", "is", "null", "exists", "true", "false"})
_SPELLINGS = {"&&": "and", "||": "or", "!": "not"}
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}
_LOOKALIKES = (
    dict.fromkeys("“”„«»「」『』", '"')
    | dict.fromkeys("‘’", "'")
    | {"≥": ">=", "≤": "<=", "≠": "!=", "、": ","}
)
"""What input methods produce for signs of the language, besides full-width forms."""
_SIGNS = frozenset("\"'{}()[],=<>!&|+-*/%$0123456789") | {">=", "<=", "!="}
_SPELLING_REMEDY = (
    'a text is written in quotes, a key with blanks, signs or a leading digit as $meta["shot on"]'
)
"""For a name where none is allowed."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression.

    Attributes:
        kind: `string`, `param`, `number`, `name`, `keyword`, `operator` or `bracket`.
        text: as it was written; keywords in lower case, `&&`, `||` and `!` as words.
        position: of its first character, from 0.
    """

    kind: str
    text: str
    position: int

    def string(self) -> str:
        """Return the value of a `string` token.

        Raises:
            InvalidInput: it has an escape beyond those that Milvus Lite and Milvus share.
        """
        return re.sub(r"\\(.)", self._unescaped, self.text[1:-1])

    def number(self) -> float:
        """Return the value of a `number` token: an int, or a float if it is written as one."""
        # Python refuses to read an integer of thousands of digits; its float is inf.
        is_int = self.text.isdigit() and len(self.text) <= 20
        return int(self.text) if is_int else float(self.text)

    def _unescaped(self, match: re.Match[str]) -> str:
        if match.group(1) not in _ESCAPES:
            raise invalid(f"the string has the unknown escape {match.group()!r}", self.position)
        return _ESCAPES[match.group(1)]


class Words:
    """The words of an expression, taken one after another."""

    def __init__(self, words: Sequence[Token]) -> None:
        self._words = words
        self._at = 0

    def is_at_end(self) -> bool:
        """Return whether all words are taken."""
        return self._at == len(self._words)

    def sees(self, *texts: str) -> bool:
        """Return whether the next word is one of these."""
        return not self.is_at_end() and self._words[self._at].text in texts

    def ahead(self) -> Iterator[Token]:
        """Iterate over the words that are not taken yet, without taking them."""
        return (self._words[at] for at in range(self._at, len(self._words)))

    def take(self, wanted: str) -> Token:
        """Take the next word.

        Args:
            wanted: what is expected there, for the message.

        Raises:
            InvalidInput: there is none.
        """
        if self.is_at_end():
            raise invalid(f"the filter ends where {wanted} is expected")
        self._at += 1
        return self._words[self._at - 1]

    def take_only(self, text: str) -> Token:
        """Take the next word.

        Raises:
            InvalidInput: it is another than `text`, or there is none.
        """
        word = self.take(repr(text))
        if word.text != text:
            raise expected(repr(text), word)
        return word


def tokens(expression: str) -> list[Token]:
    """Return the words of an expression, without the space between them.

    Raises:
        InvalidInput: it contains something that is not a word of a filter, for example a `;`.
    """
    found = []
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise invalid(_complaint(expression[position]), position)
        kind, text = str(match.lastgroup), match.group()
        if kind == "name" and text.lower() in _KEYWORDS:
            kind, text = "keyword", text.lower()
        if text in _SPELLINGS:
            kind, text = "keyword", _SPELLINGS[text]
        if kind != "space":
            found.append(Token(kind, text, position))
        position = match.end()
    return found


def invalid(message: str, position: int | None = None) -> InvalidInput:
    """Return the error for an expression that is wrong at `position`, from 0."""
    where = "" if position is None else f" (character {position + 1} of the filter)"
    return InvalidInput(message + where, reason="INVALID_FILTER", field="filter")


def expected(wanted: str, word: Token) -> InvalidInput:
    """Return the error for a word in the place of what is `wanted`."""
    remedy = f": {_SPELLING_REMEDY}" if word.kind == "name" else ""
    return invalid(f"{wanted} is expected where {word.text[:40]!r} is{remedy}", word.position)


def _complaint(char: str) -> str:
    if char in "\"'":
        return "the string is not closed"
    if char == "{":
        return "a parameter is written {name}, in letters, digits and underscores"
    if char == "=":
        return "'=' does not compare: write '=='"
    meant = _LOOKALIKES.get(char) or unicodedata.normalize("NFKC", char)
    remedy = f": write {meant} instead" if meant in _SIGNS - {char} else ""
    return f"{char!r} has no meaning in a filter{remedy}"
