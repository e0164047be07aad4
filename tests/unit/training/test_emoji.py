"""Emoji of npm packages with Chinese names, and pictures made of them."""

from pathlib import Path

import numpy as np
import pytest
from tihua_server.training.compositions import CANVAS, TEXTS_PER_PICTURE, Compositions
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, Emoji, normal_code, read_names
from tihua_server.training.failures import TrainingError
from tihua_server.training.photographs import Photographs


def _noto(node_modules: Path, views: int = 2, seed: int = 0) -> Emoji:
    names = read_names(node_modules)
    return Emoji(node_modules, TRAINING_SETS[0], names, views=views, seed=seed)


def _compositions(node_modules: Path, folder: Path, seed: int = 0) -> Compositions:
    photographs = Photographs(folder, "train", views=1, seed=0)
    return Compositions([_noto(node_modules)], photographs, count=30, seed=seed)


def test_sets_that_spell_a_code_unlike_agree() -> None:
    """With a variation selector or without, in capitals or not."""
    assert normal_code("1F3CD-FE0F") == normal_code("1f3cd") == "1f3cd"


def test_skin_tones_are_left_out(node_modules: Path) -> None:
    """They are one thing in several colours."""
    noto = _noto(node_modules)
    assert [noto.group(index) for index in range(len(noto))] == ["1f319", "1f40e"]


def test_the_cldr_name_comes_first_and_nothing_twice(node_modules: Path) -> None:
    """Keywords follow, then words of our own."""
    texts = read_names(node_modules)["1f40e"]
    assert texts[:2] == ("马", "东西")
    assert len(texts) == len(set(texts))


def test_transparency_is_laid_on_white(node_modules: Path) -> None:
    """The picture as the server sees it."""
    horse = np.asarray(_noto(node_modules).picture(1, 0))
    assert horse.shape == (24, 24, 3)
    assert horse[0, 0].tolist() == pytest.approx([149, 110, 71], abs=2)  # 200/255 of it on white


def test_a_placed_emoji_is_the_same_each_time(node_modules: Path) -> None:
    """With one seed; another seed places it elsewhere."""
    one, again = (np.asarray(_noto(node_modules, seed=1).picture(0, 1)) for _ in range(2))
    other = np.asarray(_noto(node_modules, seed=2).picture(0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_set_that_is_not_there_is_named(node_modules: Path) -> None:
    """Twemoji was not installed."""
    with pytest.raises(FileNotFoundError, match="npm install emoji-datasource-twitter"):
        Emoji(node_modules, TRAINING_SETS[1], read_names(node_modules), views=1, seed=0)


def test_a_table_of_names_that_cannot_be_read_is_named(node_modules: Path) -> None:
    """As one whose download was cut short."""
    [table] = node_modules.rglob("zh/data.json")
    table.write_bytes(table.read_bytes()[:-9])
    with pytest.raises(TrainingError, match=r"data\.json can't be read: install its package again"):
        read_names(node_modules)


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_an_emoji_that_cannot_be_read_is_named(node_modules: Path, content: bytes | None) -> None:
    """It is not reported as a failure to write, though features are being written."""
    noto = _noto(node_modules)
    [horse] = node_modules.rglob("google/64/1f40e.png")
    horse.unlink()
    if content:
        horse.write_bytes(content)
    with pytest.raises(TrainingError, match=r"1f40e\.png can't be read: install its package again"):
        noto.picture(1, 0)


@pytest.mark.parametrize("content", [None, b"<svg"])
def test_a_vector_emoji_that_cannot_be_read_is_named(
    node_modules: Path, content: bytes | None
) -> None:
    """The library that draws it has its own exceptions."""
    file = node_modules / TRAINING_SETS[2].folder / "1F40E.svg"
    file.parent.mkdir(parents=True)
    file.write_bytes(content or b"")
    openmoji = Emoji(node_modules, TRAINING_SETS[2], read_names(node_modules), views=1, seed=0)
    if content is None:
        file.unlink()
    with pytest.raises(TrainingError, match=r"1F40E\.svg can't be read: install its package again"):
        openmoji.picture(0, 0)


def test_both_sets_know_a_horse_by_one_code(node_modules: Path) -> None:
    """That is how twins are found."""
    fluent = Emoji(node_modules, TEST_SET, read_names(node_modules), views=1, seed=0)
    assert fluent.group(1) == _noto(node_modules).group(1) == "1f40e"
    assert fluent.file(1).startswith(b"RIFF")


def test_a_composition_is_named_by_its_parts(node_modules: Path, photograph_folder: Path) -> None:
    """Every text has a name or keyword of each part."""
    compositions = _compositions(node_modules, photograph_folder)
    words = {code: set(texts) for code, texts in read_names(node_modules).items()}
    for index in range(len(compositions)):
        texts = compositions.texts(index)
        assert len(texts) == TEXTS_PER_PICTURE
        for code in compositions.group(index).split("+"):
            assert all(any(word in text for word in words[code]) for text in texts)


def test_a_composition_is_the_same_each_time(node_modules: Path, photograph_folder: Path) -> None:
    """Its features are cached by its digest."""
    one, again = (_compositions(node_modules, photograph_folder) for _ in range(2))
    for index in range(5):
        picture = np.asarray(one.picture(index, 0))
        assert picture.shape == (CANVAS, CANVAS, 3)
        assert np.array_equal(picture, np.asarray(again.picture(index, 0)))
        assert one.texts(index) == again.texts(index)
