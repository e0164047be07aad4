"""Values → literals of a Milvus expression, which no value can break out of."""

import math
from collections.abc import Sequence

from tihua_server.errors import InvalidInput

MAX_LIST_LENGTH = 1_000
"""Values of one list."""

_INT64 = range(-(2**63), 2**63)
_EXACT_FLOAT = 2.0**53
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal(value: object, name: str = "") -> str:
    r"""Return a value as a literal that every Milvus reads alike.

    Strings are double-quoted, with `\\`, `\"`, `\n`, `\r` and `\t` escaped and all else left as it
    is: Milvus Lite knows no other escapes, and Milvus reads these as Go does. Doubles without a
    fraction become integers, because JSON and protobuf's Struct have only doubles; a list becomes
    all floats if one of its numbers has a fraction, because Milvus refuses mixed lists.

    Args:
        value: a string, finite number, boolean or list of those, of one kind.
        name: of the value in an error message.

    Raises:
        InvalidInput: it is anything else, or too large.
    """
    if isinstance(value, list | tuple):
        return _list(value, name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value, name)
    if isinstance(value, float) and math.isfinite(value):
        if not value.is_integer() or abs(value) > _EXACT_FLOAT:
            return repr(value)
        value = int(value)
    if isinstance(value, int) and value in _INT64:
        return str(value)
    shown = f"is {value}" if isinstance(value, float) else f"is a {type(value).__name__}"
    if isinstance(value, int):
        shown = "has more than 64 bits"
    raise _refusal(
        f"the filter's value {name[:40]!r} {shown}: "
        "bind a string, a finite number, a boolean, or a list of those"
    )


def membership(field: str, values: Sequence[object], *, is_negated: bool) -> str:
    """Return `field in values` spelled out in comparisons, which accept a field of any kind.

    Objects and lists are unequal to every value, and null stays null.

    Args:
        field: as spelled in the expression.
        values: a list that `literal` accepts.
        is_negated: return `field not in values` instead.
    """
    if not values:  # false, but null for null
        return f'({field} == "" {"or" if is_negated else "and"} {field} != "")'
    sign, conjunction = ("!=", "and") if is_negated else ("==", "or")
    return f"({f' {conjunction} '.join(f'{field} {sign} {literal(value)}' for value in values)})"


def _list(values: Sequence[object], name: str) -> str:
    if len(values) > MAX_LIST_LENGTH:
        raise _refusal(
            f"the filter's list {name!r} has {len(values)} values; the limit is {MAX_LIST_LENGTH}"
        )
    if any(isinstance(value, list | tuple) for value in values):
        raise _refusal(f"the filter's list {name!r} holds a list")
    literals = [literal(value, name) for value in values]
    kinds = {bool if isinstance(v, bool) else str if isinstance(v, str) else float for v in values}
    if len(kinds) > 1:
        raise _refusal(
            f"the filter's list {name!r} mixes strings, numbers or booleans: keep to one kind"
        )
    if kinds == {float} and not all(text.removeprefix("-").isdigit() for text in literals):
        literals = [repr(float(text)) for text in literals]
    return f"[{', '.join(literals)}]"


def _string(value: str, name: str) -> str:
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise _refusal(f"the filter's value {name!r} holds a lone surrogate, which is no text")
    return f'"{"".join(_ESCAPES.get(char, char) for char in value)}"'


def _refusal(message: str) -> InvalidInput:
    return InvalidInput(message, reason="INVALID_FILTER", field="filter_params")
