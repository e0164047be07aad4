"""Fields, values and lists of a filter → Milvus' spelling of them, each `{name}` bound."""

import re
from collections.abc import Mapping, Sequence

from tihua_server.errors import InvalidInput
from tihua_server.milvus.filter_literals import MAX_LIST_LENGTH, literal
from tihua_server.milvus.filter_tokens import Token, Words, expected, invalid

COLUMNS = frozenset({"id", "uri"})
"""Fields that are not metadata keys."""

_LITE_KEYWORDS = frozenset({"iso", "interval"})
"""Keywords of Milvus Lite, in any case, that are ordinary names here (its `filter/tokens.py`)."""
_UNSAFE_KEY = re.compile(r'^$|["\\\[\]\x00-\x1f]')


class Operands:
    """Reads the operands of one filter; knows nothing of operators.

    Attributes:
        used: names of the parameters that were read.
        listed: number of the values in all lists that were written.
        has_nested_keys: whether a field was read that is inside a key, as `camera["lens"]` is.
    """

    def __init__(self, words: Words, params: Mapping[str, object], *, lite: bool) -> None:
        self.used: set[str] = set()
        self.listed = 0
        self.has_nested_keys = False
        self._words = words
        self._params = params
        self._lite = lite

    def field_or_value(self, word: Token) -> str:
        """Read the operand that begins with `word`, which is taken; return it spelled."""
        if word.kind == "name":
            return self._field(word)
        if word.text == "[":
            return self._literal(self._values(), f"at {word.position + 1}")
        return self._literal(self._value(word), word.text.strip("{}"))

    def list_after(self, operator: str) -> tuple[Sequence[object], str]:
        """Read the list that must follow an operator; return its values, and it spelled."""
        word = self._words.take("a list")
        values: object = None
        if word.text == "[":
            values, name = self._values(), f"at {word.position + 1}"
        elif word.kind == "param":
            values, name = self._value(word), word.text[1:-1]
        if not isinstance(values, list | tuple):
            raise expected(f"a list after {operator!r}", word)
        return values, self._literal(values, name)

    def _literal(self, value: object, name: str) -> str:
        written = literal(value, name)
        if isinstance(value, list | tuple):
            self.listed += len(value)
            # Lite also works item by item where a key has values of several kinds, which the filter
            # does not show.
            if self._lite and self.listed > MAX_LIST_LENGTH:
                raise invalid(
                    f"with the embedded store the lists of a filter may have {MAX_LIST_LENGTH} "
                    f"values together; these have {self.listed} or more: ask for fewer at a time"
                )
        return written

    def _field(self, word: Token) -> str:
        if word.text == "embedding":
            raise invalid("a filter can't read the embedding", word.position)
        keys = []
        while self._words.sees("["):
            self._words.take("[")
            key = self._value(self._words.take("a key"))
            is_index = isinstance(key, int) and not isinstance(key, bool) and key >= 0
            if not is_index and not (isinstance(key, str) and not _UNSAFE_KEY.search(key)):
                raise invalid(
                    "a key in brackets is a number from 0, or a string without quotes, brackets, "
                    "backslashes and control characters",
                    word.position,
                )
            self._words.take_only("]")
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
        self.has_nested_keys |= len(keys) > own_keys
        is_plain = text.lower() not in _LITE_KEYWORDS if self._lite else text in {*COLUMNS, "$meta"}
        return (text if is_plain else f"$meta[{literal(text)}]") + "".join(keys)

    def _values(self) -> list[object]:
        values: list[object] = []
        while not self._words.sees("]"):
            if values:
                self._words.take_only(",")
            word = self._words.take("a value")
            if word.text == "-":
                number = self._words.take("a number")
                if number.kind != "number":
                    raise expected("a number", number)
                values.append(-number.number())
            else:
                values.append(self._value(word))
        self._words.take("]")
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
