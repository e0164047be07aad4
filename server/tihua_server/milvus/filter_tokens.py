"""A filter expression → its words."""

import re
import unicodedata
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
