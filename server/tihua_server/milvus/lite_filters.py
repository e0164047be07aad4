"""Filters in Milvus Lite, evaluated in bounded time and memory.

Where a filter looks into a key (`tags[0]`, `json_contains`), or the values of a key are of several
kinds, Lite walks through the expression in Python for each item (its
`search/filter/eval/python_backend.py`), which holds the interpreter. Its own `like` tries every way
to divide a text among the `%` of a pattern, and its `*` repeats a text or a list as often as the
filter says. Both are replaced here.
"""

import functools
import importlib.metadata
import json
import operator
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from milvus_lite.engine import collection as engine
from milvus_lite.search.filter.eval import python_backend

from tihua_server.errors import StoreUnavailable

COMPILED_FILTERS = 16
"""Filters that Lite caches for each collection: one of a megabyte takes several when compiled."""

_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}

_REPLACED = (
    (python_backend, "json"),
    (python_backend, "_like_to_regex"),
    (python_backend, "_ARITH_OPS"),
    (engine, "FILTER_CACHE_SIZE"),
)


def bound_filters() -> None:
    """Make every Milvus Lite of this process evaluate filters in bounded time and memory.

    Raises:
        StoreUnavailable: this milvus-lite lacks what is replaced, so the bounds would not hold.
    """
    for module, name in _REPLACED:
        if not hasattr(module, name):
            raise StoreUnavailable(
                f"milvus-lite {importlib.metadata.version('milvus-lite')} has no "
                f"{module.__name__}.{name}, without which a filter can stop the server: install "
                "a version that tihua-server asks for, or use a Milvus server with --milvus-uri"
            )
    # Else an item's metadata is parsed once for each key in the filter, which may have many.
    python_backend.json = SimpleNamespace(
        loads=functools.lru_cache(maxsize=8)(json.loads), JSONDecodeError=json.JSONDecodeError
    )
    python_backend._like_to_regex = like_regex  # noqa: SLF001
    engine.FILTER_CACHE_SIZE = COMPILED_FILTERS
    python_backend._ARITH_OPS = {  # noqa: SLF001
        sign: _of_numbers(compute) for sign, compute in _ARITHMETIC.items()
    }


def like_regex(pattern: str) -> re.Pattern[str]:
    """Return a regex for `like`, which matches whole texts in O(text times pattern).

    A part between two `%` is matched where it first occurs, and not retried, hence the atomic
    groups: its length is fixed, so a later occurrence would only leave less for the rest.
    """
    first, *others = (
        "".join("." if char == "_" else re.escape(char) for char in part)
        for part in pattern.split("%")
    )
    if others:
        *between, last = others
        first += "".join(f"(?>.*?{part})" for part in between) + f".*{last}"
    return re.compile(rf"{first}\Z", re.DOTALL)


def _of_numbers(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Restrict a computation to numbers; on its TypeError for anything else, Lite returns null."""

    def computed(left: object, right: object) -> object:
        if not (_is_number(left) and _is_number(right)):
            raise TypeError("not two numbers")
        try:
            return compute(left, right)
        except OverflowError as error:
            raise TypeError("too large for a double") from error

    return computed


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
