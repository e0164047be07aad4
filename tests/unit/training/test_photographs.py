"""Captioned photographs in a folder or an archive."""

import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from caption_file import HEADER, write_table
from PIL import Image
from tihua_server.training.failures import TrainingError
from tihua_server.training.photographs import EmptySplitError, Photographs, read_splits


def test_a_split_has_its_pictures_with_their_captions(photograph_folder: Path) -> None:
    """Captions are stripped; those without a picture are left out."""
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


@pytest.mark.parametrize(("name", "drafted"), [("a.jpg", (2000, 1500)), ("a.png", (4000, 3000))])
def test_a_large_photograph_is_not_enlarged(
    photograph_folder: Path, name: str, drafted: tuple[int, int]
) -> None:
    """A crop is no larger than models need, and a JPEG is decoded at a fraction of its size."""
    Image.new("RGB", (4000, 3000), "green").save(photograph_folder / "train" / name)
    write_table(photograph_folder, f"{HEADER}train/{name}\t草\n")
    train = Photographs(photograph_folder, "train", views=2, seed=0)
    assert train.picture(0, 0).size == drafted
    assert train.picture(0, 1).size == (512, 512)


def test_a_folder_without_captions_is_refused_by_name(tmp_path: Path) -> None:
    """The message says what the file must be."""
    with pytest.raises(FileNotFoundError, match=r"captions\.tsv: a table"):
        Photographs(tmp_path, "train", views=1, seed=0)


def test_a_split_without_pictures_is_refused(photograph_folder: Path) -> None:
    """Otherwise the training would fail later, without a clear reason."""
    with pytest.raises(TrainingError, match="under test/"):
        Photographs(photograph_folder, "test", views=1, seed=0)


@pytest.mark.parametrize("top", ["", "./", "photographs/"])
def test_an_archive_may_be_made_as_tar_makes_it(
    photograph_folder: Path, tmp_path: Path, top: str
) -> None:
    """Made of `.`, or of the folder from outside."""
    archive = tmp_path / "photographs.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for file in photograph_folder.rglob("*"):
            tar.add(file, f"{top}{file.relative_to(photograph_folder)}", recursive=False)
    assert len(Photographs(archive, "train", views=1, seed=0)) == 2


def test_a_file_that_is_no_archive_is_named(photograph_folder: Path) -> None:
    """Users often give the table itself."""
    table = photograph_folder / "captions.tsv"
    with pytest.raises(TrainingError, match=r"captions\.tsv is neither a folder nor a whole tar"):
        Photographs(table, "train", views=1, seed=0)


def test_an_archive_of_another_system_is_read(photograph_folder: Path, tmp_path: Path) -> None:
    """With hard links instead of copies, and what macOS puts beside each file."""
    (photograph_folder / "train/b.jpg").unlink()
    (photograph_folder / "train/b.jpg").hardlink_to(photograph_folder / "train/a.jpg")
    (photograph_folder.parent / "._photographs").write_bytes(b"attributes")
    archive = tmp_path / "photographs.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(photograph_folder.parent / "._photographs", "._photographs")
        tar.add(photograph_folder, "photographs")
    train = Photographs(archive, "train", views=1, seed=0)
    assert [len(train), train.file(0)] == [2, train.file(1)]


@pytest.mark.parametrize("kind", ["tar", "gztar", "xztar"])
def test_a_damaged_archive_is_named(photograph_folder: Path, tmp_path: Path, kind: str) -> None:
    """Though `tarfile` takes a damaged header for the end."""
    made = shutil.make_archive(str(tmp_path / "archive"), kind, photograph_folder)
    archive = Path(made)
    content = bytearray(archive.read_bytes())
    content[len(content) // 4 : -len(content) // 4] = b"?" * (len(content) // 2)
    archive.write_bytes(content)
    with pytest.raises(TrainingError, match=r"archive\.tar.* is neither a folder nor a whole tar"):
        Photographs(archive, "train", views=1, seed=0)


def test_what_was_taken_and_left_out_is_told(photograph_folder: Path) -> None:
    """Otherwise a wrong folder in the table would go unnoticed."""
    lines: list[str] = []
    read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    left_out = "1 lines of captions.tsv left out, the first line 7: there is no file val/absent.jpg"
    assert lines == [
        "train/: 2 pictures, 4 captions",
        f"val/: 1 pictures, 1 captions; {left_out}",
    ]
    write_table(photograph_folder, HEADER + "train/a.jpg\t一只狗\ntrain/b.jpg\t一个人\n")
    lines.clear()
    read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    assert lines[1].endswith("no captioned picture under val/: nothing is measured on the way")


def test_what_is_measured_by_is_not_learned_from(photograph_folder: Path) -> None:
    """Memorizing would look like learning; copies are found by content, not by name."""
    lines: list[str] = []
    Image.new("RGB", (9, 9), "green").save(photograph_folder / "train/d.jpg")
    with (photograph_folder / "captions.tsv").open("a", encoding="utf-8") as table:
        table.write("train/d.jpg\t草\n")
    before, _ = read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    assert len(before) == 3
    assert not any("in val/ too" in line for line in lines)
    shutil.copy(photograph_folder / "train/b.jpg", photograph_folder / "val/c.jpg")
    train, validation = read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    assert lines[-1] == "1 of 3 pictures of train/ are in val/ too, and left out"
    assert validation
    assert len(validation) == 1
    assert [train.group(at) for at in range(len(train))] == ["train/a.jpg", "train/d.jpg"]
    assert train.texts(1) == ("草",)
    assert train.file(1) == (photograph_folder / "train/d.jpg").read_bytes()
    assert train.digest != before.digest


@pytest.mark.parametrize(
    ("copied", "told"),
    [("b", "1 picture has nothing to be told apart from"), ("ab", "no picture is left to learn")],
)
def test_too_few_pictures_beside_those_to_measure_by_are_refused(
    photograph_folder: Path, copied: str, told: str
) -> None:
    """It says how many were left out."""
    for name in copied:
        shutil.copy(photograph_folder / f"train/{name}.jpg", photograph_folder / f"val/{name}.jpg")
    with (photograph_folder / "captions.tsv").open("a", encoding="utf-8") as table:
        table.writelines(f"val/{name}.jpg\t草\n" for name in copied)
    lines: list[str] = []
    with pytest.raises(TrainingError, match=f"{told}.*: add others"):
        read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    assert lines[-1] == f"{len(copied)} of 2 pictures of train/ are in val/ too, and left out"


def test_pictures_that_cannot_be_read_are_named_before_the_training(
    photograph_folder: Path,
) -> None:
    """All at once, each with the reason."""
    (photograph_folder / "train/a.jpg").write_bytes(b"no picture")
    Image.new("1", (9_000, 7_000)).save(photograph_folder / "val/c.jpg", "PNG")
    lines: list[str] = []
    with pytest.raises(TrainingError, match=r"1 of 2 pictures can't be read;.*\ntrain/a.jpg: "):
        read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    Image.new("L", (9, 9)).save(photograph_folder / "train/a.jpg")
    with pytest.raises(TrainingError, match=r"val/c\.jpg: the picture is 9000×7000 = 63000000"):
        read_splits(photograph_folder, views=1, seed=0, tell=lines.append)


def test_pictures_are_seen_as_the_server_sees_them(photograph_folder: Path) -> None:
    """Upright, on white, and sixteen bits scaled to eight."""
    white = Image.new("RGB", (30, 10), "white")
    white.paste("black", (0, 0, 10, 10))
    turned = Image.Exif()
    turned[0x0112] = 6
    white.save(photograph_folder / "train/a.jpg", exif=turned)
    grey = io.BytesIO()
    Image.new("I;16", (4, 4), 20_000).save(grey, "PNG")
    (photograph_folder / "train/b.jpg").write_bytes(grey.getvalue())
    train = Photographs(photograph_folder, "train", views=1, seed=0)
    assert train.picture(0, 0).size == (10, 30)
    assert np.asarray(train.picture(0, 0))[2, 5].max() < 20
    assert np.asarray(train.picture(1, 0)).max() == 78


def test_other_pictures_or_captions_are_another_digest(photograph_folder: Path) -> None:
    """Otherwise the features of the old ones would be used for them."""

    def digest(seed: int = 0) -> str:
        return Photographs(photograph_folder, "train", views=1, seed=seed).digest

    first = digest()
    assert digest() == first != digest(seed=1)
    picture = (photograph_folder / "train/b.jpg").read_bytes()
    (photograph_folder / "train/a.jpg").write_bytes(picture)
    second = digest()
    table = (photograph_folder / "captions.tsv").read_text(encoding="utf-8")
    write_table(photograph_folder, table.replace("一只狗", "一只猫"))
    assert len({first, second, digest()}) == 3


def test_nothing_beside_the_captioned_pictures_is_read(photograph_folder: Path) -> None:
    """A folder may contain anything else, even an unreadable file."""
    (photograph_folder / "train/loop.jpg").symlink_to(photograph_folder / "train/loop.jpg")
    assert len(Photographs(photograph_folder, "train", views=1, seed=0)) == 2
    with pytest.raises(EmptySplitError):
        Photographs(photograph_folder, "test", views=1, seed=0)
