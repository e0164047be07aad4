"""Metadata and messages, there and back."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tihua import InvalidRequestError
from tihua._convert_metadata import MAX_DEPTH, metadata_dict, metadata_struct

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=10,
)


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
        (Fraction(10**400), "finite numbers only"),
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
