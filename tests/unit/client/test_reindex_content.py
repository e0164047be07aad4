"""The content of an item: which is read, and how many bytes it is thought to have before that."""

from pathlib import Path

import pytest
from tihua import Item, ItemError
from tihua._reindex.content import held_bytes, with_content


def test_a_file_larger_than_a_picture_may_be_is_not_read(tmp_path: Path) -> None:
    """A misnamed video of more bytes than there is memory costs none."""
    video = tmp_path / "video.tif"
    with video.open("wb") as file:
        file.truncate(2**42)
    failed = with_content(Item("a"), lambda _: video, max_image_bytes=1_000)
    assert isinstance(failed, ItemError)
    assert (failed.id, failed.code, failed.reason) == ("a", "RESOURCE_EXHAUSTED", "IMAGE_TOO_LARGE")


def test_a_file_as_large_as_a_picture_may_be_is_read(tmp_path: Path) -> None:
    """It becomes the item's picture."""
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"x" * 1_000)
    found = with_content(Item("a", uri="u"), lambda _: picture, max_image_bytes=1_000)
    assert isinstance(found, Item)
    assert (found.image, found.uri) == (b"x" * 1_000, "u")


def test_what_the_metadata_tells_is_believed() -> None:
    """It is what `tihua ingest` stored."""
    assert held_bytes(Item("a", metadata={"file_bytes": 5_000})) == 5_000


@pytest.mark.parametrize("told", [None, "5000", 0, -(2**40), 0.5])
def test_what_can_be_no_size_is_guessed(told: object) -> None:
    """The metadata may be anybody's; a negative size would make room for more."""
    assert held_bytes(Item("a", metadata={"file_bytes": told})) == 2**20
    assert held_bytes(Item("a")) == 2**20
