"""Protobuf messages of any type: random fields, with values that get past the first check.

The descriptor of a field is not enough: a random text is hardly ever the name of a collection, or a
filter that parses. So there are hints for fields, by their name in the contract.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import struct_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from tihua.v1 import types_pb2

from fuzz.mutation import mutations
from fuzz.pictures import pictures

KEPT = "kept"
"""A collection that nothing writes to; it is searched to check that the server still works."""

NAMES = ("f0", "f1", "f2")
"""Collections that come and go."""

DIM = 512
"""Length of the embeddings of the packaged model."""

MAX_DEPTH = 4

_EDGES = (0, 1, 2, 7, 100, 255, 256, 1_000, 65_536, 2**31 - 1, 2**32 - 1)
_FLOATS = st.one_of(st.sampled_from([0.0, 1.0, -1.0, math.nan, math.inf, 1e-40]), st.floats())

TEXTS = st.one_of(
    st.sampled_from(["马", "枯藤老树昏鸦", " ", "", "\0", "a" * 201, "🐎" * 60, "\u202e", "[CLS]"]),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
IDS = st.one_of(st.sampled_from(["a", "b", "c", "x" * 513, "'", '"; drop', "$meta"]), TEXTS)
FILTERS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "id != ''",
            "year > 1900",
            "year >= {a} and place in {b}",
            'camera["lens"] == {a} or not (tags[0] == "x")',
            "uri like {a}",
            'uri like "%"',
            "exists year",
            "year is null",
            "array_contains(tags, 1)",
            "id in []",
            "1 == 1",
            "(" * 40,
            "not " * 200 + "true",
        ]
    ),
    st.lists(
        st.sampled_from(
            [
                *("id", "year", "tags", "[0]", '["k"]', "$meta", "==", "!=", "<", "in", "not"),
                *("and", "or", "like", "(", ")", "[", "]", ",", "1", "-1", "1e400", '"s"', "'"),
                *("{a}", "{b}", "+", "*", "%", "true", "json_contains", "题", "\\", "0x1"),
                *("is", "null", "exists"),
            ]
        ),
        max_size=12,
    ).map(" ".join),
    TEXTS,
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), _FLOATS, TEXTS, st.just(2.0**53 + 2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abk"), inner, max_size=3)
    ),
    max_leaves=6,
)
_KEYS = st.sampled_from(
    ["a", "b", "year", "tags", "place", "camera", "id", "uri", "$x", "", "作者"]
)
STRUCTS = st.dictionaries(_KEYS, _JSON, max_size=4)


def _mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy that is bad one time in eight, because a message has a dozen fields."""
    return st.integers(0, 7).flatmap(lambda number: good if number else bad)


def _few(one: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(one, min_size=1, max_size=4)


_NEEDED = frozenset({"collection", "name", "id", "ids", "items", "terms", "texts", "images"})
"""Fields without which most messages are refused immediately."""

_HINTS: Mapping[str, st.SearchStrategy[Any]] = {
    "name": _mostly(st.sampled_from(NAMES), TEXTS),
    "texts": TEXTS,
    "text": TEXTS,
    "id": _mostly(st.sampled_from("abcdefgh"), IDS),
    "ids": IDS,
    "item_id": _mostly(st.sampled_from(["twin", "stone", "a"]), IDS),
    "session_id": _mostly(st.sampled_from(["s0", "s1"]), st.sampled_from(["", "s" * 65, "题"])),
    "uri": _mostly(TEXTS, st.just("u" * 4_097)),
    "filter": FILTERS,
    "page_token": _mostly(st.just(""), st.one_of(TEXTS, st.binary().map(lambda b: b.hex()))),
    "paths": _mostly(
        st.sampled_from(["id", "uri", "metadata", "embedding"]), st.sampled_from(["", "*", "id.x"])
    ),
    "model": _mostly(st.sampled_from(["", "tihua-tiny"]), st.sampled_from(["ViT-B-16", "题"])),
    "content": pictures(),
    "path": st.sampled_from(["a.jpg", "a.jpg", "2024/../a.jpg", "../log", "/etc/passwd", "\0", ""]),
    "limit": _mostly(st.sampled_from([1, 2, 10, 1_000]), st.sampled_from([0, 1_001, 2**32 - 1])),
    "shards": _mostly(st.just(1), st.sampled_from([0, 17, 2**32 - 1])),
    "min_score": _mostly(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), _FLOATS),
    "weight": _mostly(st.sampled_from([1.0, -1.0, 0.5, 100.0]), _FLOATS),
    "seq": _mostly(st.sampled_from([1, 2, 3]), st.sampled_from([0, 2**53, 2**64 - 1])),
    "read_seq": _mostly(st.sampled_from([0, 1]), st.sampled_from([2**53, 2**64 - 1])),
}
_PARAMS = st.dictionaries(
    st.sampled_from(["nlist", "M", "efConstruction", "nprobe", "ef", "x", ""]),
    st.sampled_from(_EDGES),
    max_size=2,
)
_BOUND: tuple[tuple[str, dict[str, Any]], ...] = (
    ("", {}),
    ("year > 1900", {}),
    ("year >= {a} and place in {b}", {"a": 1900, "b": ["长安", "洛阳"]}),
    ('camera["lens"] == {a} or not (uri like "x%")', {"a": "\"\\'{b}"}),
    ("id in {a}", {"a": ["a", "b", "题"]}),
    ("uri like {a}", {"a": "u%"}),
    ("tags[0] == {a} or exists year", {"a": 2.5}),
    ("{a} < year", {"a": -1e300}),
)
"""Filters with values for their parameters."""

_READERS = ("Search", "Get", "List", "Count")
"""Prefixes of the messages that only read, and so may name the kept collection."""


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], depth: int = 0, root: str = "") -> Any:
    """Return a message of one type.

    Args:
        draw: of hypothesis.
        kind: class of the message.
        depth: number of enclosing messages.
        root: name of the outermost message.
    """
    root = root or kind.DESCRIPTOR.name
    message = kind()
    if kind is types_pb2.VectorBlock and draw(st.integers(0, 3)):
        return draw(_vectors())
    if kind is types_pb2.RgbImage and draw(st.integers(0, 3)):
        return draw(_rgb_images())
    fields: Sequence[Any] = kind.DESCRIPTOR.fields
    # The bits of two numbers: most fields are set, and the draws are few.
    there = draw(st.integers(0, 2 ** len(fields) - 1)) | draw(st.integers(0, 2 ** len(fields) - 1))
    is_whole = draw(st.integers(0, 7)) > 0
    for position, field in enumerate(fields):
        oneof = field.containing_oneof
        if oneof is not None and message.WhichOneof(oneof.name) is not None:
            continue
        if there >> position & 1 or (is_whole and field.name in _NEEDED):
            _fill(draw, message, field, depth, root)
    if "filter_params" in kind.DESCRIPTOR.fields_by_name and draw(st.integers(0, 3)):
        expression, params = draw(st.sampled_from(_BOUND))
        message.filter = expression  # type: ignore[attr-defined]
        message.filter_params.CopyFrom(_struct(params))  # type: ignore[attr-defined]
    return message


def _fill(draw: st.DrawFn, message: Message, field: FieldDescriptor, depth: int, root: str) -> None:
    name = field.name
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        getattr(message, name).update(draw(_mostly(st.just({}), _PARAMS)))
    elif field.message_type is not None and field.message_type.full_name.endswith(".Struct"):
        getattr(message, name).CopyFrom(_struct(draw(STRUCTS)))
    elif field.message_type is not None:
        if depth >= MAX_DEPTH:
            return
        inner = messages(GetMessageClass(field.message_type), depth + 1, root)
        if field.is_repeated:
            getattr(message, name).extend(draw(_mostly(_few(inner), st.just([]))))
        else:
            getattr(message, name).CopyFrom(draw(inner))
    elif field.is_repeated:
        values = draw(_mostly(_few(_scalar(field, root)), st.just([])))
        # Large batches repeat a few inputs.
        getattr(message, name).extend(values * draw(st.sampled_from([1, 1, 1, 1, 9])))
    else:
        setattr(message, name, draw(_scalar(field, root)))


def _scalar(field: FieldDescriptor, root: str) -> st.SearchStrategy[Any]:
    if field.name == "collection" or (field.name == "name" and root.startswith(_READERS)):
        pool = (*NAMES, KEPT, KEPT, KEPT) if root.startswith(_READERS) else (*NAMES, *NAMES)
        return _mostly(st.sampled_from(pool), TEXTS)
    if field.name in _HINTS and field.type != FieldDescriptor.TYPE_MESSAGE:
        return _HINTS[field.name]
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return st.binary(max_size=20) if field.type == field.TYPE_BYTES else TEXTS
        case FieldDescriptor.CPPTYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.CPPTYPE_ENUM:
            known = [value.number for value in field.enum_type.values] if field.enum_type else [0]
            return _mostly(st.sampled_from(known), st.sampled_from([99, -1]))
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            return _FLOATS
        case FieldDescriptor.CPPTYPE_INT32 | FieldDescriptor.CPPTYPE_INT64:
            return st.sampled_from([*(edge for edge in _EDGES if edge < 2**31), -1, -(2**31)])
        case _:
            return st.sampled_from(_EDGES)


@st.composite
def _vectors(draw: st.DrawFn) -> types_pb2.VectorBlock:
    """Return an embedding of the right shape, or nearly so."""
    dim = draw(st.sampled_from([DIM, DIM, DIM, 1, 511]))
    value = draw(_FLOATS)
    half = draw(st.booleans())
    code = "<e" if half and abs(value) < 65_504 else "<f"
    try:
        element = struct.pack(code, value)
    except OverflowError:
        element = struct.pack("<f", math.inf)
        code = "<f"
    data = mutations(st.just(element * dim), 1)
    return types_pb2.VectorBlock(
        data=draw(data),
        dim=dim,
        count=draw(st.sampled_from([1, 1, 1, 0, 2])),
        type=types_pb2.VECTOR_TYPE_FLOAT16 if code == "<e" else types_pb2.VECTOR_TYPE_FLOAT32,
    )


@st.composite
def _rgb_images(draw: st.DrawFn) -> types_pb2.RgbImage:
    """Return pixels of the right length, or nearly so."""
    width, height = draw(st.sampled_from([(1, 1), (3, 5), (224, 224), (1, 999), (0, 9)]))
    missing = draw(st.sampled_from([0, 0, 0, 1]))
    return types_pb2.RgbImage(
        data=bytes(max(0, width * height * 3 - missing)), width_px=width, height_px=height
    )


def _struct(values: dict[str, Any]) -> struct_pb2.Struct:
    result = struct_pb2.Struct()
    result.update(values)
    return result
