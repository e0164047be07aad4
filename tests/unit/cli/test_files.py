"""Where a reindex finds the pictures of items, and where it does not look."""

from pathlib import Path

import pytest
import tihua
from tihua.cli._files import Files


def files(*roots: Path) -> Files:
    """Return the files of some folders."""
    return Files(roots, preprocess_size=None, max_pixels=1_000_000)


def item(item_id: str, uri: str | Path = "", **metadata: object) -> tihua.Item:
    """Return an item as it was stored."""
    return tihua.Item(item_id, uri=str(uri), metadata=metadata)


def test_a_picture_is_found_by_its_uri(pictures: Path) -> None:
    """The uri is a path or a file URL."""
    cat = pictures / "cats" / "猫 咪.webp"
    assert files(pictures)(item("x", cat)) == cat
    assert files(pictures)(item("x", cat.as_uri())) == cat


def test_a_folder_that_was_moved_is_found_by_the_ids(pictures: Path) -> None:
    """An id is a path within its folder, and each of several folders is looked into."""
    moved = pictures.rename(pictures.with_name("moved"))
    read = files(moved.parent, moved)
    assert (
        read(item("cats/tom.tiff", pictures / "cats" / "tom.tiff")) == moved / "cats" / "tom.tiff"
    )


@pytest.mark.parametrize("kind", ["uri", "id", "link", "parent"])
def test_nothing_outside_of_the_folders_is_opened(pictures: Path, kind: str) -> None:
    """What an item says may have been written by anybody."""
    secret = pictures.parent / "secret.jpg"
    secret.write_bytes(b"secret")
    (pictures / "link.jpg").symlink_to(secret)
    stored = {
        "uri": item("x", secret),
        "id": item(str(secret)),
        "link": item("link.jpg", pictures / "link.jpg"),
        "parent": item("../secret.jpg"),
    }
    with pytest.raises(LookupError, match=f"is not in {pictures}"):
        files(pictures)(stored[kind])


def test_a_link_to_the_folder_is_the_folder(pictures: Path) -> None:
    """Either of the two may have been ingested."""
    link = pictures.with_name("link")
    link.symlink_to(pictures)
    assert files(link)(item("x", pictures / "a.jpg")) == pictures / "a.jpg"
    assert files(pictures)(item("x", link / "a.jpg")) == link / "a.jpg"


def test_a_file_that_is_another_than_was_stored_is_refused(pictures: Path) -> None:
    """Its size tells; a copy may differ in its time alone."""
    path = pictures / "a.jpg"
    assert files(pictures)(item("a.jpg", path, file_bytes=9, file_mtime=1.0)) == path
    with pytest.raises(LookupError, match="9 bytes and not 8: run tihua ingest first"):
        files(pictures)(item("a.jpg", path, file_bytes=8))


def test_an_item_without_a_picture_says_so(pictures: Path) -> None:
    """A text is one."""
    with pytest.raises(LookupError, match="it has no uri, and a file of its id is not in"):
        files(pictures)(item("qiusi-1"))


def test_a_picture_may_be_resized_here(tmp_path: Path) -> None:
    """What is no picture is left to the server, which says why."""
    from PIL import Image

    Image.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    (tmp_path / "none.png").write_bytes(b"none")
    read = Files([tmp_path], preprocess_size=16, max_pixels=1_000_000)
    square = read(item("red.png"))
    assert isinstance(square, tihua.RgbImage)
    assert (square.width_px, square.height_px) == (16, 16)
    assert read(item("none.png")) == tmp_path / "none.png"
