"""Embeddings and messages, there and back."""

import math
import struct
from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tihua import InvalidRequestError, ServerError
from tihua._convert_embedding import embeddings, vector_block
from tihua.v1 import types_pb2


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
        (["a"], "embedding is not a sequence of numbers"),
        ("0.5", "embedding is not a sequence of numbers"),
        (0.5, "embedding is not a sequence of numbers"),
        (b"\0\0\0\0", "elements of format 'B'"),
        (np.zeros(2, np.int32), "it must have one dimension and be float16, float32 or float64"),
        (np.zeros((2, 2), np.float32), "embedding has 2 dimensions"),
        ([10**400, 1.0], "embedding has a number .* beyond 3.4e38"),
        ([1e300, 1.0], "embedding has a number .* beyond 3.4e38"),
        (np.array([1e300, 1.0]), "embedding has a number .* beyond 3.4e38"),
        ([math.nan, 1.0], "embedding has a number that is NaN"),
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
