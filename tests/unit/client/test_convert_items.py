"""Items and messages, there and back."""

from array import array
from datetime import datetime, timedelta, timezone

import pytest
from tihua import InvalidRequestError, Item, RgbImage
from tihua._convert import image_source
from tihua._convert_items import item, item_message, read_mask
from tihua.v1 import types_pb2


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
