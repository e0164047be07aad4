"""Converts JSON values to google.protobuf.Struct and back: metadata, filter parameters."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

from tihua._convert import checked_text, invalid

_MAX_EXACT_INT = 2**53
"""Numbers are sent as doubles, which hold every integer up to here (IEEE 754, 53 bits)."""

MAX_DEPTH = 16
"""Maximum nesting of mappings and lists, including the outermost.

Protobuf parsers refuse a message whose parts nest 100 deep. A mapping takes three levels, so that
32 of them would fit into an ingest or the answer of a search; the limit is half of that.
"""


def metadata_struct(values: Mapping[str, object], name: str) -> Struct:
    """Return the values as a message.

    Args:
        values: None, booleans, numbers, texts, and lists and mappings of those, by name.
        name: the caller's name for them, for messages.

    Raises:
        InvalidRequestError: a value is none of those, not finite, an integer beyond 2**53, or
            nested deeper than `MAX_DEPTH`.
    """
    return _struct(values, name, depth=1)


def metadata_dict(struct: Struct) -> dict[str, object]:
    """Return the values of a message; whole numbers become int, even if they were float before."""
    return {key: json_value(value) for key, value in struct.fields.items()}


def _struct(values: Mapping[str, object], name: str, depth: int) -> Struct:
    struct = Struct()
    for key, value in values.items():
        field = struct.fields[_text(key, f"a key of {name}")]
        field.CopyFrom(_value(value, f"{name}[{key!r}]", depth))
    return struct


def _value(value: object, name: str, depth: int) -> Value:
    """Return a value that is nested in `depth` mappings and lists."""
    match value:
        case None:
            return Value(null_value=NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case str():
            return Value(string_value=_text(value, name))
        case Integral() | Real():
            return Value(number_value=_number(value, name))
        case Mapping():
            return Value(struct_value=_struct(value, name, _deeper(depth, name)))
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            depth = _deeper(depth, name)
            items = [_value(item, f"{name}[{index}]", depth) for index, item in enumerate(value)]
            return Value(list_value=ListValue(values=items))
    raise invalid(
        f"{name} is {type(value).__name__}; it must be text, number, boolean, None, or a list or "
        "mapping of those",
        name,
    )


def _deeper(depth: int, name: str) -> int:
    if depth == MAX_DEPTH:
        raise invalid(
            f"{name} is nested {depth + 1} deep; the limit is {MAX_DEPTH}: flatten it, or give the "
            "inner part as text",
            name,
        )
    return depth + 1


def _number(value: Real, name: str) -> float:
    if isinstance(value, Integral) and abs(int(value)) > _MAX_EXACT_INT:
        raise invalid(
            f"{name} is {value}, beyond 2**53, which loses digits on its way; give it as text", name
        )
    try:
        number = float(value)
    except OverflowError:  # for example of a Fraction
        number = math.inf
    if not math.isfinite(number):
        raise invalid(f"{name} is {number}; JSON has finite numbers only", name)
    return number


def _text(text: object, name: str) -> str:
    if not isinstance(text, str):
        raise invalid(f"{name} is {type(text).__name__}; it must be text", name)
    return checked_text(text, name)


def json_value(value: Value) -> object:
    """Return one value of a message."""
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            is_exact = number.is_integer() and abs(number) <= _MAX_EXACT_INT
            return int(number) if is_exact else number
        case "struct_value":
            return metadata_dict(value.struct_value)
        case "list_value":
            return [json_value(item) for item in value.list_value.values]
        case _:
            return None
