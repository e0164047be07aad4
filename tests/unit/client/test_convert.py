"""Messages and Python's own types, there and back."""

import math
import struct
from array import array
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from tihua import InvalidRequestError, Item, Query, RgbImage, ServerError, Term
from tihua._convert import (
    checked_text,
    checked_texts,
    embeddings,
    image_source,
    item,
    item_error,
    item_message,
    read_mask,
    uint32,
    vector_block,
)
from tihua._convert_metadata import MAX_DEPTH, metadata_dict, metadata_struct
from tihua._convert_search import search_request
from tihua.v1 import types_pb2

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=10,
)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_an_embedding_comes_back_as_it_went(values: list[float]) -> None:
    """Every float32 keeps its bits."""
    assert embeddings(vector_block(values, "embedding")) == [array("f", values)]


@pytest.mark.parametrize(
    "embedding",
    [
        [0.5, -0.25],
        (0.5, -0.25),
        array("f", [0.5, -0.25]),
        array("d", [0.5, -0.25]),
        np.array([0.5, -0.25], np.float16),
        np.array([0.5, -0.25], np.float32),
        np.array([0.5, -0.25], np.float64),
        np.array([0.5, 9.0, -0.25, 9.0], np.float32)[::2],
        memoryview(array("f", [0.5, -0.25])),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'dtype', '')}",
)
def test_an_embedding_may_be_any_numbers(embedding: list[float]) -> None:
    """Lists, arrays, and buffers that are not contiguous."""
    block = vector_block(embedding, "embedding")
    assert (block.data, block.dim, block.count) == (struct.pack("<2f", 0.5, -0.25), 2, 1)


@pytest.mark.parametrize(
    ("embedding", "sentence"),
    [
        ([], "embedding is empty"),
        (["a"], "embedding is no sequence of numbers"),
        ("0.5", "embedding is no sequence of numbers"),
        (0.5, "embedding is no sequence of numbers"),
        (b"\0\0\0\0", "elements of format 'B'"),
        (np.zeros(2, np.int32), "it must have one dimension and be float16, float32 or float64"),
        (np.zeros((2, 2), np.float32), "embedding has 2 dimensions"),
    ],
)
def test_what_is_no_embedding_is_refused(embedding: list[float], sentence: str) -> None:
    """With the name of the argument and what it must be."""
    with pytest.raises(InvalidRequestError, match=sentence):
        vector_block(embedding, "embedding")


def test_a_returned_embedding_is_a_numpy_array_without_a_copy() -> None:
    """It has the buffer protocol."""
    (row,) = embeddings(vector_block([0.5, -0.25], "embedding"))
    view = np.asarray(row)
    row[0] = 2.0
    assert view.dtype == np.float32
    assert view.tolist() == [2.0, -0.25]


def test_half_precision_is_read() -> None:
    """A server may send it when it is asked to."""
    block = types_pb2.VectorBlock(
        data=struct.pack("<4e", 1, 2, 3, 4), dim=2, count=2, type=types_pb2.VECTOR_TYPE_FLOAT16
    )
    assert embeddings(block) == [array("f", [1, 2]), array("f", [3, 4])]


@pytest.mark.parametrize(("size", "dim", "count"), [(7, 2, 1), (8, 0, 1), (0, 2, 1), (8, 2, 2)])
def test_a_block_that_is_not_of_its_size_is_a_bug_of_the_server(
    size: int, dim: int, count: int
) -> None:
    """Rows are never guessed."""
    with pytest.raises(ServerError, match="the server sent"):
        embeddings(types_pb2.VectorBlock(data=b"\0" * size, dim=dim, count=count))


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_metadata_comes_back_as_it_went(metadata: dict[str, object]) -> None:
    """All of JSON; 1.0 and 1 are one number there."""
    assert metadata_dict(metadata_struct(metadata, "metadata")) == metadata


def test_a_whole_number_comes_back_as_an_int() -> None:
    """`year` is 2024 and not 2024.0, though numbers travel as doubles."""
    year = metadata_dict(metadata_struct({"year": 2024}, "metadata"))["year"]
    assert isinstance(year, int)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (2**53 + 1, r"metadata\['k'\] is 9007199254740993, beyond 2\*\*53"),
        (math.nan, r"metadata\['k'\] is nan; JSON has finite numbers only"),
        (-math.inf, "finite numbers only"),
        (b"x", r"metadata\['k'\] is bytes"),
        ({1}, r"metadata\['k'\] is set"),
        ({"a": [object()]}, r"metadata\['k'\]\['a'\]\[0\] is object"),
        ({1: "a"}, r"a key of metadata\['k'\] is int"),
        ("\ud800", "lone surrogate"),
    ],
)
def test_metadata_that_is_no_json_is_refused(value: object, sentence: str) -> None:
    """With the path to it."""
    with pytest.raises(InvalidRequestError, match=sentence):
        metadata_struct({"k": value}, "metadata")


@pytest.mark.parametrize("wrap", [lambda value: {"a": value}, lambda value: [value]])
def test_metadata_is_nested_as_deep_as_it_can_travel(wrap: Callable[[object], object]) -> None:
    """And one deeper is refused: servers could not read the message, nor what else is in it."""
    value: object = "text"
    for _ in range(MAX_DEPTH - 1):
        value = wrap(value)
    metadata = {"k": value}
    assert metadata_dict(metadata_struct(metadata, "metadata")) == metadata
    with pytest.raises(InvalidRequestError, match="is nested 17 deep; the limit is 16: flatten it"):
        metadata_struct({"k": wrap(value)}, "metadata")


def test_metadata_that_holds_itself_is_refused() -> None:
    """It has no end, and is deeper than any bound."""
    metadata: dict[str, object] = {}
    metadata["k"] = [metadata]
    with pytest.raises(InvalidRequestError, match="nested 17 deep"):
        metadata_struct(metadata, "metadata")


def test_numbers_of_numpy_are_metadata() -> None:
    """As they come out of a data frame."""
    metadata = {"year": np.int64(2024), "score": np.float32(0.5)}
    assert metadata_dict(metadata_struct(metadata, "metadata")) == {"year": 2024, "score": 0.5}


def test_a_lone_surrogate_is_refused_with_its_place() -> None:
    """As in names of files that are no UTF-8; a UnicodeEncodeError would not say which."""
    with pytest.raises(InvalidRequestError, match=r"text has a lone surrogate \(U\+DC80\) at .* 2"):
        checked_text("夕阳\udc80", "text")


def test_one_text_where_several_are_due_is_refused() -> None:
    """It would be spelled out, and ids of one letter deleted."""
    with pytest.raises(TypeError, match="ids is one str"):
        checked_texts("abc", "ids")


@pytest.mark.parametrize("value", [-1, 2**32])
def test_a_number_that_does_not_fit_is_refused(value: int) -> None:
    """A ValueError of protobuf would not say which."""
    with pytest.raises(InvalidRequestError, match=f"limit is {value}"):
        uint32(value, "limit")


def test_a_picture_is_bytes_or_a_path(tmp_path: Path) -> None:
    """The file is read here: the server opens no paths."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"jpeg")
    assert image_source(path, "image").content == b"jpeg"
    assert image_source(b"jpeg", "image").content == b"jpeg"


def test_a_picture_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """With its name and the reason."""
    with pytest.raises(InvalidRequestError, match=r"gone\.jpg': No such file or directory"):
        image_source(tmp_path / "gone.jpg", "image")


def test_a_str_is_never_taken_for_a_path() -> None:
    """Nobody guesses whether it is a path, an address or data."""
    with pytest.raises(TypeError, match=r"image is str; it must be the bytes .* pathlib\.Path"):
        image_source("a.jpg", "image")  # type: ignore[arg-type]


def test_pixels_travel_as_pixels() -> None:
    """With their width and height; the server checks that they fit."""
    rgb = item_message(Item("a", image=RgbImage(b"rgbrgb", 2, 1))).image.rgb
    assert (rgb.data, rgb.width_px, rgb.height_px) == (b"rgbrgb", 2, 1)
    with pytest.raises(InvalidRequestError, match=r"image\.width_px is -1"):
        image_source(RgbImage(b"", -1, 1), "image")


def test_an_item_has_exactly_one_content() -> None:
    """The message names those that it has."""
    with pytest.raises(InvalidRequestError, match="'a' has no content"):
        item_message(Item("a"))
    with pytest.raises(InvalidRequestError, match="'a' has text and image"):
        item_message(Item("a", text="夕阳", image=b"x"))


def test_an_item_travels_with_all_that_it_has() -> None:
    """And comes back with all that was asked for."""
    written = Item("a", embedding=[1.0, 0.0], uri="file:///a.jpg", metadata={"年": [2024, None]})
    assert item(item_message(written)) == Item(
        "a", embedding=array("f", [1.0, 0.0]), uri="file:///a.jpg", metadata={"年": [2024, None]}
    )


def test_when_an_item_was_written_comes_back_as_it_went() -> None:
    """To the microsecond, in UTC; without a zone nobody knows when that is."""
    then = datetime(2026, 11, 27, 9, 2, 3, 456_789, timezone(timedelta(hours=8)))
    assert item(item_message(Item("a", text="马", update_time=then))).update_time == then
    assert item(types_pb2.Item(id="a")).update_time is None
    naive = then.replace(tzinfo=None)
    with pytest.raises(InvalidRequestError, match="without a time zone"):
        item_message(Item("a", text="马", update_time=naive))


def test_an_item_without_an_embedding_has_none() -> None:
    """It was not asked for."""
    assert item(types_pb2.Item(id="a")).embedding is None


def test_an_unknown_code_of_an_item_is_unknown() -> None:
    """A newer server may have more."""
    assert item_error(types_pb2.ItemError(code=99)).code == "UNKNOWN"
    assert item_error(types_pb2.ItemError(code=5)).code == "NOT_FOUND"


def test_fields_are_a_mask() -> None:
    """None is the server's default, and none of them are bare ids."""
    assert read_mask(None) is None
    mask, bare = read_mask(["uri"]), read_mask([])
    assert mask is not None
    assert bare is not None
    assert (list(mask.paths), list(bare.paths)) == (["uri"], ["id"])
    with pytest.raises(InvalidRequestError, match="fields has 'vector'"):
        read_mask(["vector"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="fields is one str"):
        read_mask("uri")  # type: ignore[arg-type]


def test_a_query_looks_for_exactly_one_thing() -> None:
    """The message names those that were given."""
    with pytest.raises(InvalidRequestError, match="the query has nothing to look for"):
        search_request(Query(), "c")
    with pytest.raises(InvalidRequestError, match="the query has text and item_id"):
        search_request(Query(text="夕阳", item_id="a"), "c")
    with pytest.raises(InvalidRequestError, match=r"terms\[1\] has nothing to look for"):
        search_request(Query(terms=[Term(text="夕阳"), Term()]), "c")


def test_a_query_travels_with_all_that_it_has() -> None:
    """Terms, weights, bound parameters, bounds."""
    query = Query(
        terms=[Term(text="夕阳", weight=2.0), Term(item_id="a", weight=-1.0)],
        limit=3,
        filter="year >= {since}",
        params={"since": 1999},
        min_score=0.25,
        fields=["embedding"],
        index_params={"ef": 64},
        consistency="strong",
        page_token="next",  # no password
        group_by="album",
        group_size=2,
        collection="mine",
    )
    request = search_request(query, "default")
    params = Struct()
    params.update({"since": 1999})
    assert request.collection == "mine"
    assert [(term.WhichOneof("value"), term.weight) for term in request.terms] == [
        ("text", 2.0),
        ("item_id", -1.0),
    ]
    assert (request.limit, request.filter, request.min_score) == (3, "year >= {since}", 0.25)
    assert request.filter_params == params
    assert list(request.read_mask.paths) == ["embedding"]
    assert dict(request.index_params) == {"ef": 64}
    assert (request.consistency, request.page_token) == (2, "next")
    assert (request.group_by, request.group_size) == ("album", 2)


def test_what_is_not_said_stays_unset() -> None:
    """A lowest score of 0 would leave out hits that point away, and a group of 0 is refused."""
    request = search_request(Query(text="夕阳"), "c")
    assert not request.HasField("min_score")
    assert not request.HasField("group_size")
