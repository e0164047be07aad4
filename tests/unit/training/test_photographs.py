"""Captioned photographs in a folder or an archive."""

import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tihua_server.training.photographs import EmptySplitError, Photographs, read_splits

HEADER = "image\tcaption\n"


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


@pytest.mark.parametrize(("name", "drafted"), [("a.jpg", (2000, 1500)), ("a.png", (4000, 3000))])
def test_a_large_photograph_is_not_enlarged(
    photograph_folder: Path, name: str, drafted: tuple[int, int]
) -> None:
    """A crop is no larger than models need, and a JPEG is decoded at a fraction of its size."""
    Image.new("RGB", (4000, 3000), "green").save(photograph_folder / "train" / name)
    _write_table(photograph_folder, f"{HEADER}train/{name}\t草\n")
    train = Photographs(photograph_folder, "train", views=2, seed=0)
    assert train.picture(0, 0).size == drafted
    assert train.picture(0, 1).size == (512, 512)


def test_a_folder_without_captions_is_refused_by_name(tmp_path: Path) -> None:
    """The message says what the file must be."""
    with pytest.raises(FileNotFoundError, match=r"captions\.tsv: a table"):
        Photographs(tmp_path, "train", views=1, seed=0)


def test_a_split_without_pictures_is_refused(photograph_folder: Path) -> None:
    """Training on nothing would be a puzzle later."""
    with pytest.raises(ValueError, match="under test/"):
        Photographs(photograph_folder, "test", views=1, seed=0)


def _write_table(folder: Path, content: str | bytes) -> None:
    encoded = content.encode() if isinstance(content, str) else content
    (folder / "captions.tsv").write_bytes(encoded)


@pytest.mark.parametrize("top", ["", "./", "photographs/"])
def test_an_archive_may_be_made_as_tar_makes_it(
    photograph_folder: Path, tmp_path: Path, top: str
) -> None:
    """Of `.`, or of the folder from outside."""
    archive = tmp_path / "photographs.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for file in photograph_folder.rglob("*"):
            tar.add(file, f"{top}{file.relative_to(photograph_folder)}", recursive=False)
    assert len(Photographs(archive, "train", views=1, seed=0)) == 2


def test_a_file_that_is_no_archive_is_named(photograph_folder: Path) -> None:
    """The table itself is often what is given."""
    table = photograph_folder / "captions.tsv"
    with pytest.raises(ValueError, match=r"captions\.tsv is neither a folder nor a whole tar"):
        Photographs(table, "train", views=1, seed=0)


def test_a_table_may_end_its_lines_as_an_old_mac_does(photograph_folder: Path) -> None:
    """So Excel for macOS still writes it."""
    _write_table(photograph_folder, "image\tcaption\rtrain/a.jpg\t一只狗\rtrain/b.jpg\t一个人\r")
    assert len(Photographs(photograph_folder, "train", views=1, seed=0)) == 2


@pytest.mark.parametrize("name", ["train/a.jpg", "./train/a.jpg", "train\\a.jpg"])
def test_names_may_be_written_as_other_systems_do(photograph_folder: Path, name: str) -> None:
    """And the table as Excel writes it, with a mark before it and ends of lines of two signs."""
    _write_table(photograph_folder, f"\ufeffimage\tcaption\r\n{name}\t一只狗\r\n")
    train = Photographs(photograph_folder, "train", views=1, seed=0)
    assert [train.group(0), train.texts(0)] == ["train/a.jpg", ("一只狗",)]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("一只狗".encode("gbk"), "line 1 of captions.tsv .* is not UTF-8: save it as UTF-8"),
        ("train/a.jpg\t一只狗\n", "is 'train/a.jpg.*it must be the header 'image.tcaption'"),
        ("", "is missing; it must be the header"),
        (HEADER + "train/a.jpg,一只狗\n", "line 2: no tab between image and caption in 'train/a"),
        (HEADER + "train/../val/a.jpg\t一只狗\n", "line 2: train/../val/a.jpg leads out of its"),
        (HEADER + "/data/train/a.jpg\t狗\n", "line 2: /data/train/a.jpg must be named within the"),
        (HEADER + "C:\\train\\a.jpg\t狗\n", "line 2: C:/train/a.jpg must be named within the"),
        (HEADER + "a.jpg\t狗\n", "no captioned picture to learn from; 1 lines .* no file a.jpg"),
        (HEADER + 'train/a.jpg\t"写着""福"""\n', "line 2: the caption of .* is quoted, as noth"),
        (HEADER + "\t一只狗\n", "line 2: no image before the tab"),
        (HEADER + "train/a.jpg\t狗\t0.9\n", "line 2: more than two columns, '狗.t0.9' after"),
        (HEADER + "train/x.jpg\t一只狗\n", "1 lines .* line 2: there is no file train/x.jpg"),
        (HEADER + f"train/{'长' * 100}.jpg\t一只狗\n", "line 2: there is no file train/长长"),
        (HEADER + "train/a.jpg\t \n", "line 2: no caption of train/a.jpg"),
    ],
)
def test_a_table_that_gives_nothing_says_why(
    photograph_folder: Path, table: str | bytes, told: str
) -> None:
    """The line, what is there, and what should be."""
    _write_table(photograph_folder, table)
    with pytest.raises(ValueError, match=told):
        Photographs(photograph_folder, "train", views=1, seed=0)


def test_any_folder_of_pictures_will_do(photograph_folder: Path) -> None:
    """Where nothing is in train/, all is trained on that is in no other split."""
    (photograph_folder / "train").rename(photograph_folder / "dogs")
    (photograph_folder / "dogs/b.jpg").rename(photograph_folder / "b.jpg")
    _write_table(photograph_folder, HEADER + "b.jpg\t一个人\nval/c.jpg\t桥\ndogs/a.jpg\t一只狗")
    train, validation = read_splits(photograph_folder, views=1, seed=0, tell=print)
    assert [train.group(index) for index in range(len(train))] == ["b.jpg", "dogs/a.jpg"]
    assert validation is not None
    assert validation.group(0) == "val/c.jpg"


@pytest.mark.parametrize("name", ["Val", "VAL", "validation"])
@pytest.mark.parametrize("others", ["train", "dogs"])
def test_pictures_to_measure_by_are_known_however_the_folder_is_written(
    photograph_folder: Path, name: str, others: str
) -> None:
    """Without train/ they would be learned from."""
    (photograph_folder / "train").rename(photograph_folder / others)
    (photograph_folder / "val").rename(photograph_folder / name)
    _write_table(
        photograph_folder, f"{HEADER}{others}/a.jpg\t狗\n{others}/b.jpg\t人\n{name}/c.jpg\t桥"
    )
    train, validation = read_splits(photograph_folder, views=1, seed=0, tell=print)
    assert [train.group(index) for index in range(len(train))] == [
        f"{others}/a.jpg",
        f"{others}/b.jpg",
    ]
    assert validation is not None
    assert validation.group(0) == f"{name}/c.jpg"


@pytest.mark.parametrize("line", ["val/x.jpg\t桥", "Val/c.jpg,桥"])
def test_pictures_to_measure_by_that_cannot_be_used_are_no_reason_to_go_on(
    photograph_folder: Path, line: str
) -> None:
    """Hours would follow, and nothing be measured."""
    _write_table(photograph_folder, f"{HEADER}train/a.jpg\t狗\ntrain/b.jpg\t人\n{line}\n")
    with pytest.raises(ValueError, match=r"under val/; 1 lines of captions.tsv left out, the fir"):
        read_splits(photograph_folder, views=1, seed=0, tell=print)


def test_a_mistyped_folder_is_told(photograph_folder: Path) -> None:
    """Its pictures would be missed by nobody."""
    (photograph_folder / "tarin").mkdir()
    (photograph_folder / "train/b.jpg").rename(photograph_folder / "tarin/b.jpg")
    _write_table(photograph_folder, HEADER + "train/a.jpg\t一只狗\ntarin/b.jpg\t一个人\n")
    train = Photographs(photograph_folder, "train", views=1, seed=0)
    assert "1 lines of captions.tsv left out, the first line 3: tarin/b.jpg is in no" in (
        train.summary()
    )


def test_a_caption_may_have_any_character_but_tab_and_newline(photograph_folder: Path) -> None:
    """Text from the web has separators of lines of its own."""
    _write_table(photograph_folder, HEADER + "train/a.jpg\t红色\u2028的\x85车\n")
    train = Photographs(photograph_folder, "train", views=1, seed=0)
    assert train.texts(0) == ("红色\u2028的\x85车",)


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
    with pytest.raises(ValueError, match=r"archive\.tar.* is neither a folder nor a whole tar"):
        Photographs(archive, "train", views=1, seed=0)


def test_what_was_taken_and_left_out_is_told(photograph_folder: Path) -> None:
    """A wrong folder in the table would otherwise go unseen."""
    lines: list[str] = []
    read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    left_out = "1 lines of captions.tsv left out, the first line 7: there is no file val/absent.jpg"
    assert lines == [
        "train/: 2 pictures, 4 captions",
        f"val/: 1 pictures, 1 captions; {left_out}",
    ]
    _write_table(photograph_folder, HEADER + "train/a.jpg\t一只狗\ntrain/b.jpg\t一个人\n")
    lines.clear()
    read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    assert lines[1].endswith("no captioned picture under val/: nothing is measured on the way")


def test_pictures_to_measure_by_that_are_learned_from_are_told(photograph_folder: Path) -> None:
    """By them, learning by heart looks like learning; another name hides nothing."""
    lines: list[str] = []
    read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    assert "WARNING" not in "".join(lines)
    shutil.copy(photograph_folder / "train/b.jpg", photograph_folder / "val/c.jpg")
    read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    assert "WARNING: 1 of 1 pictures of val/ are in train/ too, the first val/c.jpg" in lines[-1]


def test_captions_that_are_cut_are_counted(photograph_folder: Path) -> None:
    """A token is a Chinese character, or a part of a word: of 51 the model reads 50."""
    captions = "".join(f"train/a.jpg\t{'狗' * length}\n" for length in (50, 51, 200))
    _write_table(photograph_folder, HEADER + captions)
    train = Photographs(photograph_folder, "train", views=1, seed=0)
    assert train.summary() == (
        "train/: 1 pictures, 3 captions; the model reads the first 50 tokens of a caption, and 2"
        " are longer"
    )


def test_quotation_marks_may_begin_and_end_a_caption(photograph_folder: Path) -> None:
    """Doubled ones alone tell that a spreadsheet wrote them."""
    _write_table(photograph_folder, HEADER + 'train/a.jpg\t"福"和"寿"\n')
    assert Photographs(photograph_folder, "train", views=1, seed=0).texts(0) == ('"福"和"寿"',)


def test_pictures_that_cannot_be_read_are_named_before_the_training(
    photograph_folder: Path,
) -> None:
    """All of them at once, each with the reason."""
    (photograph_folder / "train/a.jpg").write_bytes(b"no picture")
    Image.new("1", (9_000, 7_000)).save(photograph_folder / "val/c.jpg", "PNG")
    lines: list[str] = []
    with pytest.raises(ValueError, match=r"1 of 2 pictures can't be read;.*\ntrain/a.jpg: these"):
        read_splits(photograph_folder, views=1, seed=0, tell=lines.append)
    Image.new("L", (9, 9)).save(photograph_folder / "train/a.jpg")
    with pytest.raises(ValueError, match=r"val/c\.jpg: the picture is 9000×7000 = 63000000"):
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
    """Or what was computed of the old ones would be taken for theirs."""

    def digest(seed: int = 0) -> str:
        return Photographs(photograph_folder, "train", views=1, seed=seed).digest

    first = digest()
    assert digest() == first != digest(seed=1)
    picture = (photograph_folder / "train/b.jpg").read_bytes()
    (photograph_folder / "train/a.jpg").write_bytes(picture)
    second = digest()
    table = (photograph_folder / "captions.tsv").read_text(encoding="utf-8")
    _write_table(photograph_folder, table.replace("一只狗", "一只猫"))
    assert len({first, second, digest()}) == 3


def test_nothing_beside_the_captioned_pictures_is_read(photograph_folder: Path) -> None:
    """A folder may hold whatever else: an unreadable file is none of its business."""
    (photograph_folder / "train/loop.jpg").symlink_to(photograph_folder / "train/loop.jpg")
    assert len(Photographs(photograph_folder, "train", views=1, seed=0)) == 2
    with pytest.raises(EmptySplitError):
        Photographs(photograph_folder, "test", views=1, seed=0)
