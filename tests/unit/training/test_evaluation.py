"""Retrieval tasks, answered by a model in this process."""

from pathlib import Path
from typing import ClassVar, Self

import pytest
from fake_encoder import FakeEncoder
from PIL import Image
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, Emoji, is_flag, read_names
from tihua_server.training.evaluation import BATCH_SIZE, evaluate
from tihua_server.training.photographs import Photographs
from tihua_server.training.retrieval import Query, RetrievalTask, caption_task, emoji_tasks


def test_every_caption_seeks_its_photograph(photograph_folder: Path) -> None:
    """Among all of the split."""
    task = caption_task(Photographs(photograph_folder, "train", views=1, seed=0))
    assert list(task.gallery.pictures) == ["train/a.jpg", "train/b.jpg"]
    assert task.queries[1] == Query("狗在跑", frozenset(["train/a.jpg"]))
    assert len(task.queries) == 4


def test_emoji_are_sought_by_name_and_by_twin(node_modules: Path) -> None:
    """The names are the first of each; the twins are the known set's own files."""
    names = read_names(node_modules)
    fluent, noto = (
        Emoji(node_modules, one, names, views=1, seed=0) for one in (TEST_SET, TRAINING_SETS[0])
    )
    by_name, by_twin = emoji_tasks(fluent, noto)
    assert [query.content for query in by_name.queries] == ["月亮", "马"]
    assert by_twin.queries[0] == Query(noto.file(0), frozenset(["1f319"]))
    assert by_name.gallery is by_twin.gallery


@pytest.mark.parametrize(
    ("emoji", "expected"),
    [("🇨🇳", True), ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", True), ("🏴‍☠️", False), ("🏁", False), ("🐎", False), ("🆒", False)],
)
def test_flags_of_countries_are_told_from_others(emoji: str, *, expected: bool) -> None:
    """England's is a black flag with letters that can't be seen; a pirate's is drawn anew."""
    assert is_flag("-".join(f"{ord(character):x}" for character in emoji)) == expected


def test_equal_pictures_find_each_other(photograph_folder: Path) -> None:
    """The fake model gives equal pixels equal embeddings, so all are found at once."""
    gallery = caption_task(Photographs(photograph_folder, "train", views=1, seed=0)).gallery
    queries = tuple(Query(file, frozenset([name])) for name, file in gallery.pictures.items())
    found = evaluate(FakeEncoder(), RetrievalTask("itself", gallery, queries))
    assert (found.at[1], found.median_rank, found.queries) == (100.0, 1.0, 2)


def test_texts_and_pictures_are_not_mixed(photograph_folder: Path) -> None:
    """Their ranks would mean different things."""
    gallery = caption_task(Photographs(photograph_folder, "val", views=1, seed=0)).gallery
    [(name, file)] = gallery.pictures.items()
    queries = (Query("桥", frozenset([name])), Query(file, frozenset([name])))
    with pytest.raises(ValueError, match="mixed"):
        evaluate(FakeEncoder(), RetrievalTask("mixed", gallery, queries))


class _HeldFile(bytes):
    """Content of a file that is counted while it is alive."""

    alive: ClassVar = 0
    most_alive: ClassVar = 0

    def __new__(cls, content: bytes) -> Self:
        cls.alive += 1
        cls.most_alive = max(cls.most_alive, cls.alive)
        return super().__new__(cls, content)

    def __del__(self) -> None:
        type(self).alive -= 1


class _CountedPhotographs(Photographs):
    def file(self, index: int) -> bytes:
        return _HeldFile(super().file(index))


def test_a_large_gallery_is_not_held_in_memory(tmp_path: Path) -> None:
    """A thousand files of a camera take gigabytes, which the training itself never needs."""
    (tmp_path / "val").mkdir()
    lines = ["image\tcaption"]
    for number in range(2 * BATCH_SIZE + 1):
        name = f"val/{number}.png"
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / name)
        lines.append(f"{name}\t第{number}")
    (tmp_path / "captions.tsv").write_text("\n".join(lines), encoding="utf-8")
    task = caption_task(_CountedPhotographs(tmp_path, "val", views=1, seed=0))
    assert evaluate(FakeEncoder(), task).queries == 2 * BATCH_SIZE + 1
    assert 0 < _HeldFile.most_alive <= BATCH_SIZE
    assert _HeldFile.alive == 0
