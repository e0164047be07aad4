"""Tables of captions, and the splits of pictures."""

from pathlib import Path

import pytest
from caption_file import HEADER, write_table
from tihua_server.training.failures import TrainingError
from tihua_server.training.photographs import Photographs, read_splits


def test_a_table_may_end_its_lines_as_an_old_mac_does(photograph_folder: Path) -> None:
    """Excel for macOS still writes these."""
    write_table(photograph_folder, "image\tcaption\rtrain/a.jpg\t一只狗\rtrain/b.jpg\t一个人\r")
    assert len(Photographs(photograph_folder, "train", views=1, seed=0)) == 2


@pytest.mark.parametrize("name", ["train/a.jpg", "./train/a.jpg", "train\\a.jpg"])
def test_names_may_be_written_as_other_systems_do(photograph_folder: Path, name: str) -> None:
    """As Excel writes it, with a byte order mark and CRLF."""
    write_table(photograph_folder, f"\ufeffimage\tcaption\r\n{name}\t一只狗\r\n")
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
    """The message has the line, its content and what is expected."""
    write_table(photograph_folder, table)
    with pytest.raises(TrainingError, match=told):
        Photographs(photograph_folder, "train", views=1, seed=0)


def test_any_folder_of_pictures_will_do(photograph_folder: Path) -> None:
    """If nothing is in train/, everything that is in no other split is trained on."""
    (photograph_folder / "train").rename(photograph_folder / "dogs")
    (photograph_folder / "dogs/b.jpg").rename(photograph_folder / "b.jpg")
    write_table(photograph_folder, HEADER + "b.jpg\t一个人\nval/c.jpg\t桥\ndogs/a.jpg\t一只狗")
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
    write_table(
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
    """Otherwise a training of hours would not be measured."""
    write_table(photograph_folder, f"{HEADER}train/a.jpg\t狗\ntrain/b.jpg\t人\n{line}\n")
    with pytest.raises(TrainingError, match=r"under val/; 1 lines of captions.tsv left out, the"):
        read_splits(photograph_folder, views=1, seed=0, tell=print)


def test_a_mistyped_folder_is_told(photograph_folder: Path) -> None:
    """Nobody would notice that its pictures are missing."""
    (photograph_folder / "tarin").mkdir()
    (photograph_folder / "train/b.jpg").rename(photograph_folder / "tarin/b.jpg")
    write_table(photograph_folder, HEADER + "train/a.jpg\t一只狗\ntarin/b.jpg\t一个人\n")
    train = Photographs(photograph_folder, "train", views=1, seed=0)
    assert "1 lines of captions.tsv left out, the first line 3: tarin/b.jpg is in no" in (
        train.summary()
    )


def test_a_caption_may_have_any_character_but_tab_and_newline(photograph_folder: Path) -> None:
    """Text from the web may contain other line separators."""
    write_table(photograph_folder, HEADER + "train/a.jpg\t红色\u2028的\x85车\n")
    train = Photographs(photograph_folder, "train", views=1, seed=0)
    assert train.texts(0) == ("红色\u2028的\x85车",)


def test_captions_that_are_cut_are_counted(photograph_folder: Path) -> None:
    """A token is a Chinese character, or a part of a word: of 51 the model reads 50."""
    captions = "".join(f"train/a.jpg\t{'狗' * length}\n" for length in (50, 51, 200))
    write_table(photograph_folder, HEADER + captions)
    train = Photographs(photograph_folder, "train", views=1, seed=0)
    assert train.summary() == (
        "train/: 1 pictures, 3 captions; the model reads the first 50 tokens of a caption, and 2"
        " are longer"
    )


def test_quotation_marks_may_begin_and_end_a_caption(photograph_folder: Path) -> None:
    """Only doubled quotes show that a spreadsheet wrote them."""
    write_table(photograph_folder, HEADER + 'train/a.jpg\t"福"和"寿"\n')
    assert Photographs(photograph_folder, "train", views=1, seed=0).texts(0) == ('"福"和"寿"',)
