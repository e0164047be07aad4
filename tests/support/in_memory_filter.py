"""Filters over items in memory: evaluates what `tihua_server.milvus.filters` renders.

An expression is rendered as for Milvus, with its parameters bound, and then parsed with the
precedence of Milvus' own grammar (`Plan.g4`). For a key that an item lacks, `!=` holds and no other
comparison does, as on Milvus 2.3.5.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tihua_server.item import Item
from tihua_server.milvus.filter_tokens import Token, invalid, tokens
from tihua_server.milvus.filters import render
from tihua_server.search_params import Filter

ABSENT = object()
"""The value of a key that an item does not have."""

_Compute = Callable[[Item], Any]

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SUMS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}
_PRECEDENCE = {
    **dict.fromkeys(["or"], 1),
    **dict.fromkeys(["and"], 2),
    **dict.fromkeys(["==", "!="], 3),
    **dict.fromkeys(_COMPARISONS, 4),
    **dict.fromkeys(["in", "not"], 5),
    **dict.fromkeys(["+", "-"], 6),
    **dict.fromkeys(["*", "/", "%"], 7),
    "like": 9,
}
_PREFIX_PRECEDENCE = 8


@dataclass(frozen=True, slots=True)
class _Term:
    """A part of an expression: how to compute it; its kind is bool, text, number, json or list."""

    kind: str
    compute: _Compute


def matcher(where: Filter) -> Callable[[Item], bool]:
    """Return a predicate: whether an item matches.

    Raises:
        InvalidInput: Milvus would reject the filter.
    """
    words = tokens(render(where))
    if not words:
        return lambda item: True
    term = _Reader(words).read()
    if term.kind != "bool":
        raise invalid("the filter is not a boolean expression")
    return lambda item: bool(term.compute(item))


class _Reader:
    """Parses tokens by precedence; `render` has checked that they are well-formed."""

    def __init__(self, words: Sequence[Token]) -> None:
        self._words = words
        self._at = 0

    def read(self, above: int = 0) -> _Term:
        left = self._operand()
        while self._at < len(self._words):
            word = self._words[self._at].text
            if _PRECEDENCE.get(word, 0) <= above:
                break
            self._at += 1
            left = self._applied(word, left)
        return left

    def _operand(self) -> _Term:
        word = self._take()
        if word.text == "(":
            return self._closed(self.read())
        if word.text == "not":
            return _not(self.read(_PREFIX_PRECEDENCE))
        if word.text in {"-", "+"}:
            return _sum("*", _value(1 if word.text == "+" else -1), self.read(_PREFIX_PRECEDENCE))
        if word.text == "exists":
            found = self.read(_PREFIX_PRECEDENCE).compute
            return _Term("bool", lambda item: found(item) is not ABSENT)
        if word.text == "[":
            return self._list()
        if word.kind == "name":
            return self._call(word) if self._sees("(") else self._field(word)
        if word.kind == "string":
            return _value(word.string())
        return _value(word.text == "true" if word.kind == "keyword" else word.number())

    def _applied(self, word: str, left: _Term) -> _Term:
        if word == "not":  # not in
            self._take()
            return _not(self._applied("in", left))
        right = self.read(_PRECEDENCE[word])
        if word in {"and", "or"}:
            return _both(word, left, right)
        if word in {"==", "!="}:
            return _equality(word, left, right)
        if word in _COMPARISONS:
            return _comparison(_COMPARISONS[word], left, right)
        if word == "in":
            return _membership(left, right)
        if word == "like":
            return _likeness(left, right)
        return _sum(word, left, right)

    def _field(self, word: Token) -> _Term:
        if word.text in {"id", "uri"}:
            return _Term("text", operator.attrgetter(word.text))
        path: list[str | float] = [] if word.text == "$meta" else [word.text]
        while self._sees("["):
            self._take()
            key = self._take()
            path.append(key.string() if key.kind == "string" else key.number())
            self._take()
        return _Term("json", lambda item: _looked_up(item.metadata, path))

    def _call(self, word: Token) -> _Term:
        self._take()
        arguments = [self.read()]
        while self._sees(","):
            self._take()
            arguments.append(self.read())
        self._take()
        kind, _, name = word.text.lower().partition("_")
        if kind not in {"json", "array"} or name not in _FUNCTIONS:
            raise invalid(f"there is no function {word.text}", word.position)
        function, [first, *others] = _FUNCTIONS[name], [each.compute for each in arguments]
        return _Term(
            "number" if name == "length" else "bool",
            lambda item: function(first(item), *(each(item) for each in others)),
        )

    def _list(self) -> _Term:
        values = []
        while not self._sees("]"):
            values.append(self.read().compute)
            if self._sees(","):
                self._take()
        self._take()
        return _Term("list", lambda item: [value(item) for value in values])

    def _closed(self, term: _Term) -> _Term:
        self._take()
        return term

    def _sees(self, text: str) -> bool:
        return self._at < len(self._words) and self._words[self._at].text == text

    def _take(self) -> Token:
        self._at += 1
        return self._words[self._at - 1]


def _value(value: object) -> _Term:
    kinds = {bool: "bool", str: "text"}
    return _Term(kinds.get(type(value), "number"), lambda item: value)


def _not(term: _Term) -> _Term:
    if term.kind != "bool":
        raise invalid("'not' takes a boolean expression")
    return _Term("bool", lambda item: not term.compute(item))


def _both(word: str, left: _Term, right: _Term) -> _Term:
    if (left.kind, right.kind) != ("bool", "bool"):
        raise invalid(f"{word!r} takes boolean expressions")
    one, other = left.compute, right.compute
    if word == "and":
        return _Term("bool", lambda item: one(item) and other(item))
    return _Term("bool", lambda item: one(item) or other(item))


def _equality(word: str, left: _Term, right: _Term) -> _Term:
    _check_alike(left, right)
    one, other = left.compute, right.compute
    return _Term("bool", lambda item: _equal(one(item), other(item)) == (word == "=="))


def _comparison(compare: Callable[[Any, Any], bool], left: _Term, right: _Term) -> _Term:
    _check_alike(left, right)

    def holds(item: Item) -> bool:
        one, other = left.compute(item), right.compute(item)
        return _are_alike(one, other) and compare(one, other)

    return _Term("bool", holds)


def _membership(left: _Term, right: _Term) -> _Term:
    one, values = left.compute, right.compute
    return _Term("bool", lambda item: any(_equal(one(item), value) for value in values(item)))


def _likeness(left: _Term, right: _Term) -> _Term:
    def holds(item: Item) -> bool:
        value, pattern = left.compute(item), re.escape(right.compute(item))
        return isinstance(value, str) and bool(
            re.fullmatch(pattern.replace("%", ".*").replace("_", "."), value, re.DOTALL)
        )

    return _Term("bool", holds)


def _sum(word: str, left: _Term, right: _Term) -> _Term:
    compute = _SUMS[word]

    def result(item: Item) -> object:
        one, other = left.compute(item), right.compute(item)
        return compute(one, other) if _is_number(one) and _is_number(other) else ABSENT

    return _Term("number", result)


def _check_alike(left: _Term, right: _Term) -> None:
    kinds = {left.kind, right.kind} - {"json"}
    if len(kinds) > 1 or "list" in kinds:
        raise invalid(f"a {left.kind} does not compare with a {right.kind}")


def _looked_up(value: object, path: Sequence[str | float]) -> object:
    for key in path:
        is_there = (isinstance(value, Mapping) and key in value) or (
            isinstance(value, list) and isinstance(key, int) and key < len(value)
        )
        if not is_there:
            return ABSENT
        value = cast("Any", value)[key]
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_alike(one: object, other: object) -> bool:
    are_texts = isinstance(one, str) and isinstance(other, str)
    return are_texts or (_is_number(one) and _is_number(other))


def _equal(one: object, other: object) -> bool:
    are_booleans = isinstance(one, bool) and isinstance(other, bool)
    return (are_booleans or _are_alike(one, other)) and one == other


def _contains(value: object, wanted: object) -> bool:
    return isinstance(value, list) and any(_equal(each, wanted) for each in value)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "contains": _contains,
    "contains_all": lambda value, wanted: all(_contains(value, each) for each in wanted),
    "contains_any": lambda value, wanted: any(_contains(value, each) for each in wanted),
    "length": lambda value: len(value) if isinstance(value, list) else ABSENT,
}
