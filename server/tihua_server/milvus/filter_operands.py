"""Fields, values and lists of a filter → Milvus' spelling of them, each `{name}` bound."""

import re
from collections.abc import Mapping, Sequence

from tihua_server.errors import InvalidInput
from tihua_server.milvus.filter_literals import MAX_LIST_LENGTH, literal
from tihua_server.milvus.filter_tokens import Token, invalid

COLUMNS = frozenset({"id", "uri"})
"""Fields that are not metadata keys."""

SPELLING_REMEDY = (
    'a text is written in quotes, a key with blanks, signs or a leading digit as $meta["shot on"]'
)
"""For a name where none is allowed."""

_LITE_KEYWORDS = frozenset({"iso", "interval"})
"""Keywords of Milvus Lite, in any case, that are ordinary names here (its `filter/tokens.py`)."""
_UNSAFE_KEY = re.compile(r'^$|["\\\[\]\x00-\x1f]')


class OperandReader:
    """Reads operands: the half of `FilterReader` that knows nothing of operators.

    The two are one class, split for length, and share the position in the words and the counts.

    Attributes:
        used: names of the parameters that were read.
    """

    def __init__(self, words: Sequence[Token], params: Mapping[str, object], *, lite: bool) -> None:
        self.used: set[str] = set()
        self._words = words
        self._at = 0
        self._params = params
        self._lite = lite
        self._listed = 0  # values in all lists so far
        # Milvus Lite evaluates a whole filter in Python, item by item, if any part needs that.
        self._is_by_item = False

    def _field_or_value(self, word: Token) -> str:
        if word.kind == "name":
            return self._field(word)
        if word.text == "[":
            return self._literal(self._list(), f"at {word.position + 1}")
        return self._literal(self._value(word), word.text.strip("{}"))

    def _literal(self, value: object, name: str) -> str:
        written = literal(value, name)
        if isinstance(value, list | tuple):
            self._listed += len(value)
            # Lite also works item by item where a key has values of several kinds, which the filter
            # does not show.
            if self._lite and self._listed > MAX_LIST_LENGTH:
                raise invalid(
                    f"with the embedded store the lists of a filter may have {MAX_LIST_LENGTH} "
                    f"values together; these have {self._listed} or more: ask for fewer at a time"
                )
        return written

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
        if word.text == "metadata" and keys:  # else it silently finds nothing
            raise invalid(
                'keys stand alone or in $meta: year or $meta["shot on"], not metadata["year"] '
                '(a key of that name is $meta["metadata"])',
                word.position,
            )
        text = word.text
        own_keys = 1 if text == "$meta" else 0  # $meta["year"] is the key year itself
        self._is_by_item |= len(keys) > own_keys
        is_plain = text.lower() not in _LITE_KEYWORDS if self._lite else text in {*COLUMNS, "$meta"}
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
                    raise expected("a number", number)
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
        raise expected("a field or a value", word)

    def _bound(self, name: str) -> object:
        if name not in self._params:
            raise InvalidInput(
                f"the filter's parameter {name!r} is not bound: give it a value",
                reason="INVALID_FILTER",
                field="filter_params",
            )
        self.used.add(name)
        return self._params[name]

    def _sees(self, text: str) -> bool:
        return self._at < len(self._words) and self._words[self._at].text == text

    def _take(self, wanted: str) -> Token:
        if self._at == len(self._words):
            raise invalid(f"the filter ends where {wanted} is expected")
        self._at += 1
        return self._words[self._at - 1]

    def _take_only(self, text: str) -> Token:
        word = self._take(repr(text))
        if word.text != text:
            raise expected(repr(text), word)
        return word


def expected(wanted: str, word: Token) -> InvalidInput:
    """Return the error for a word in the place of what is `wanted`."""
    remedy = f": {SPELLING_REMEDY}" if word.kind == "name" else ""
    return invalid(f"{wanted} is expected where {word.text[:40]!r} is{remedy}", word.position)
