"""The words of a filter, one after another → the expression in the spelling that Milvus reads.

A filter is operand, operator, operand, …: that is checked here, and each `{name}` gets its value.
"""

import re
from collections.abc import Mapping, Sequence

from tihua_server.errors import InvalidInput
from tihua_server.filter_literals import literal, membership
from tihua_server.filter_tokens import Token, invalid

MAX_OPERATORS = 256
"""Operators of one expression: the parser of Milvus Lite recurses, and Python's stack is finite."""

MAX_DEPTH = 32
"""Parentheses within parentheses, for the same reason."""

MAX_PATTERN_CHARS = 4_096
"""Length of a pattern of `like`: Milvus Lite compares all of it at each place of a text."""

_PREFIXES = frozenset({"not", "exists", "-", "+"})
_BINARIES = frozenset({"and", "or", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"})
_CONJUNCTIONS = frozenset({"and", "or", "not"})
_COLUMNS = frozenset({"id", "uri"})
_LITE_KEYWORDS = frozenset({"iso", "interval"})
"""Words of Milvus Lite's language, in any case, that are names here (its `filter/tokens.py`)."""
_UNSAFE_KEY = re.compile(r'^$|["\\\[\]\x00-\x1f]')


class FilterReader:
    """Reads the words of one filter.

    Attributes:
        used: names of the parameters that were read.
    """

    def __init__(self, words: Sequence[Token], params: Mapping[str, object], *, lite: bool) -> None:
        self.used: set[str] = set()
        self._words = words
        self._at = 0
        self._params = params
        self._lite = lite
        self._written: list[str] = []
        self._open: list[Token] = []
        self._operators = 0
        self._lone_key_at = -1

    def read(self) -> str:
        """Return the expression; empty for no words.

        Raises:
            InvalidInput: the words are no boolean expression; a parameter is unbound or no value.
        """
        if self._words:
            self._operand()
            while self._operator():
                self._operand()
        return " ".join(self._written)

    def _operand(self) -> None:
        """Read prefixes, parentheses and names of functions, then a field or a value."""
        while True:
            word = self._take("a field or a value")
            if word.text in _PREFIXES:
                self._write_operator(word.text)
            elif word.text == "(":
                self._enter(word, "(")
            elif word.kind == "name" and self._sees("("):
                self._take("(")
                self._enter(word, f"{word.text}(")
            else:
                operand = self._field_or_value(word)
                is_lone = not self._written or self._written[-1].endswith(("(", *_CONJUNCTIONS))
                if is_lone and word.kind == "name" and operand not in _COLUMNS:
                    self._lone_key_at = len(self._written)
                self._written.append(operand)
                return

    def _operator(self) -> bool:
        """Read what follows an operand; return whether another operand must follow."""
        while self._at < len(self._words):
            word = self._take("an operator")
            if word.text == ")" and self._open:
                self._open.pop()
                self._written.append(")")
            elif word.text == "," and self._open and self._open[-1].kind == "name":
                self._written.append(",")
                return True
            elif word.text == "%" and self._lite:
                raise invalid(
                    "Milvus Lite knows no '%': store what is left as a key", word.position
                )
            elif word.text in _BINARIES:
                self._write_operator(word.text)
                return True
            elif word.text in {"is", "in", "not", "like"}:
                self._test(word.text)
            elif word.text == ")":
                raise invalid("')' closes nothing", word.position)
            else:
                raise _expected("an operator", word)
        if self._open:
            raise invalid("the parenthesis is not closed", self._open[-1].position)
        return False

    def _test(self, word: str) -> None:
        """Read `is null`, `is not null`, `in […]`, `not in […]` or `like "…"` after an operand."""
        if word == "is":
            negation = ""
            if self._sees("not"):
                negation = f"{self._take('null').text} "
            self._write_operator(f"is {negation}{self._take_only('null').text}")
            return
        if word != "like":
            self._membership(word)
            return
        self._write_operator(word)
        value = self._take("a string")
        written = "" if value.kind == "name" else self._field_or_value(value)
        if not written.startswith('"'):
            raise _expected("a string after 'like'", value)
        if len(written) > MAX_PATTERN_CHARS + 2:
            raise invalid(
                f"the pattern of 'like' is longer than {MAX_PATTERN_CHARS} characters",
                value.position,
            )
        self._written.append(written)

    def _membership(self, word: str) -> None:
        """Read `in […]` or `not in […]`; `word` is its first."""
        if word == "not":
            word = f"not {self._take_only('in').text}"
        follows_key = self._lone_key_at == len(self._written) - 1
        self._write_operator(word)
        at = self._take("a list")
        is_written_out = at.text == "["
        values: object = None
        if is_written_out:
            values = self._list()
        elif at.kind == "param":
            values = self._value(at)
        if not isinstance(values, list | tuple):
            raise _expected(f"a list after {word!r}", at)
        written = literal(
            values, f"at {at.position + 1}" if is_written_out else at.text.strip("{}")
        )
        if self._lite and follows_key:
            field, _ = self._written[-2:]
            self._written[-2:] = [membership(field, values, is_negated=word != "in")]
            self._lone_key_at = -1
        else:
            self._written.append(written)

    def _field_or_value(self, word: Token) -> str:
        if word.kind == "name":
            return self._field(word)
        if word.text == "[":
            return literal(self._list(), f"at {word.position + 1}")
        return literal(self._value(word), word.text.strip("{}"))

    def _field(self, word: Token) -> str:
        if word.text == "embedding":
            raise invalid("a filter can't read the embedding", word.position)
        keys = []
        while self._sees("["):
            self._take("[")
            key = self._value(self._take("a key"))
            is_index = isinstance(key, int) and not isinstance(key, bool) and key >= 0
            if not is_index and not (isinstance(key, str) and not _UNSAFE_KEY.search(key)):
                raise invalid(
                    "a key in brackets is a number from 0, or a string without quotes, brackets, "
                    "backslashes and control characters",
                    word.position,
                )
            self._take_only("]")
            keys.append(f"[{literal(key)}]")
        if word.text == "$meta" and not keys:
            raise invalid('$meta takes a key, as in $meta["year"]', word.position)
        text = word.text
        is_plain = text.lower() not in _LITE_KEYWORDS if self._lite else text.isascii()
        return (text if is_plain else f"$meta[{literal(text)}]") + "".join(keys)

    def _list(self) -> list[object]:
        values: list[object] = []
        while not self._sees("]"):
            if values:
                self._take_only(",")
            word = self._take("a value")
            if word.text == "-":
                number = self._take("a number")
                if number.kind != "number":
                    raise _expected("a number", number)
                values.append(-number.number())
            else:
                values.append(self._value(word))
        self._take("]")
        return values

    def _value(self, word: Token) -> object:
        if word.kind == "param":
            return self._bound(word.text[1:-1])
        if word.kind == "string":
            return word.string()
        if word.kind == "number":
            return word.number()
        if word.text in {"true", "false"}:
            return word.text == "true"
        raise _expected("a field or a value", word)

    def _bound(self, name: str) -> object:
        if name not in self._params:
            raise InvalidInput(
                f"the filter's parameter {name!r} is not bound: give it a value",
                reason="INVALID_FILTER",
                field="filter_params",
            )
        self.used.add(name)
        return self._params[name]

    def _enter(self, word: Token, written: str) -> None:
        if len(self._open) == MAX_DEPTH:
            raise invalid(f"the parentheses go deeper than {MAX_DEPTH}", word.position)
        self._open.append(word)
        self._written.append(written)

    def _write_operator(self, text: str) -> None:
        self._operators += 1
        if self._operators > MAX_OPERATORS:
            raise invalid(
                f"the filter has more than {MAX_OPERATORS} operators: "
                "for many values of one key write `key in {values}`"
            )
        self._written.append(text)

    def _sees(self, text: str) -> bool:
        return self._at < len(self._words) and self._words[self._at].text == text

    def _take(self, wanted: str) -> Token:
        if self._at == len(self._words):
            raise invalid(f"the filter ends where {wanted} should stand")
        self._at += 1
        return self._words[self._at - 1]

    def _take_only(self, text: str) -> Token:
        word = self._take(repr(text))
        if word.text != text:
            raise _expected(repr(text), word)
        return word


def _expected(wanted: str, word: Token) -> InvalidInput:
    return invalid(f"{wanted} should stand where {word.text[:40]!r} is", word.position)
