"""Words that all messages share: texts, numbers, pictures, errors."""

from pathlib import Path

import pytest
from tihua import InvalidRequestError
from tihua._convert import checked_text, checked_texts, image_source, item_error, uint32
from tihua.v1 import types_pb2


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


def test_an_unknown_code_of_an_item_is_unknown() -> None:
    """A newer server may have more."""
    assert item_error(types_pb2.ItemError(code=99)).code == "UNKNOWN"
    assert item_error(types_pb2.ItemError(code=5)).code == "NOT_FOUND"
