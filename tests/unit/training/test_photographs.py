"""Captioned photographs in a folder or an archive."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from tihua_server.training.photographs import Photographs


def test_a_split_has_its_pictures_with_their_captions(photograph_folder: Path) -> None:
    """Captions without the space around them; a caption without a picture is left out."""
    train = Photographs(photograph_folder, "train", views=1, seed=0)
    assert [train.texts(index) for index in range(len(train))] == [
        ("一只狗", "狗在跑"),
        ("一个人", "人在走"),
    ]
    assert len(Photographs(photograph_folder, "val", views=1, seed=0)) == 1


def test_an_archive_is_read_like_a_folder(photograph_folder: Path, tmp_path: Path) -> None:
    """Byte for byte."""
    archive = tmp_path / "photographs.tar"
    with tarfile.open(archive, "w") as tar:
        for file in photograph_folder.rglob("*"):
            tar.add(file, file.relative_to(photograph_folder), recursive=False)
    one = Photographs(archive, "train", views=1, seed=0)
    other = Photographs(photograph_folder, "train", views=1, seed=0)
    assert [one.file(0), one.texts(1)] == [other.file(0), other.texts(1)]


def test_view_0_is_the_photograph_and_others_are_crops(photograph_folder: Path) -> None:
    """A crop has the size of the whole, and is the same each time."""
    train = Photographs(photograph_folder, "train", views=3, seed=0)
    whole, crop, again = train.picture(0, 0), train.picture(0, 1), train.picture(0, 1)
    assert whole.size == crop.size == (32, 20)
    assert np.array_equal(np.asarray(crop), np.asarray(again))
    assert not np.array_equal(np.asarray(whole), np.asarray(crop))
    assert not np.array_equal(np.asarray(train.picture(0, 2)), np.asarray(crop))


def test_a_folder_without_captions_is_refused_by_name(tmp_path: Path) -> None:
    """The message says what the file must be."""
    with pytest.raises(FileNotFoundError, match=r"captions\.tsv: a table"):
        Photographs(tmp_path, "train", views=1, seed=0)


def test_a_split_without_pictures_is_refused(photograph_folder: Path) -> None:
    """Training on nothing would be a puzzle later."""
    with pytest.raises(ValueError, match="under test/"):
        Photographs(photograph_folder, "test", views=1, seed=0)
