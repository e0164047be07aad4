"""The tasks that are measured or left out."""

from pathlib import Path

import pytest
from bench.retrieval.emoji_packages import PACKAGES, require_packages
from bench.retrieval.outcome import Skipped
from bench.retrieval.tasks import tasks_of
from PIL import Image
from tihua_server.training.retrieval import RetrievalTask


def test_absent_photographs_are_left_out_with_a_reason(tmp_path: Path) -> None:
    """The reason names the file and the option."""
    absent = tmp_path / "absent.tar"
    [skipped] = tasks_of(("photographs",), photographs=absent, node_modules=tmp_path, tell=print)
    assert isinstance(skipped, Skipped)
    assert str(absent) in skipped.reason
    assert "--photographs" in skipped.reason


def _reason_beside_nouns(photographs: Path) -> str:
    """Return why the photographs are left out; the two tasks of nouns are not."""
    skipped, *nouns = tasks_of(
        ("photographs", "nouns"), photographs=photographs, node_modules=photographs, tell=print
    )
    assert isinstance(skipped, Skipped)
    assert len(nouns) == 2
    return skipped.reason


def test_photographs_without_val_are_left_out_and_the_nouns_measured(tmp_path: Path) -> None:
    """As with a user's folder that has only pictures to learn from."""
    _write_photograph(tmp_path, "train/a.png")
    assert "under val/" in _reason_beside_nouns(tmp_path)


def test_damaged_materials_are_left_out_with_a_reason(tmp_path: Path) -> None:
    """A table of captions in another encoding, and names that are not JSON."""
    (tmp_path / "captions.tsv").write_bytes("image\tcaption\nval/a.png\t狗".encode("gb18030"))
    for package in PACKAGES:
        folder = tmp_path / package.rpartition("@")[0]
        folder.mkdir(parents=True)
        (folder / "package.json").touch()
    names = tmp_path / "emojibase-data" / "zh" / "data.json"
    names.parent.mkdir()
    names.write_text("{", encoding="utf-8")
    left_out = list(
        tasks_of(("photographs", "emoji"), photographs=tmp_path, node_modules=tmp_path, tell=print)
    )
    assert [isinstance(one, Skipped) for one in left_out] == [True, True]


def test_photographs_of_which_one_is_damaged_are_left_out(tmp_path: Path) -> None:
    """The server would refuse it after minutes, and end the measuring of emoji and nouns."""
    _write_photograph(tmp_path, "val/a.png")
    (tmp_path / "val" / "a.png").write_bytes(b"\x89PNG")
    assert "val/a.png" in _reason_beside_nouns(tmp_path)


def test_photographs_whose_table_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    """Linux refuses to read the first page of memory, even to root."""
    (tmp_path / "captions.tsv").symlink_to("/proc/self/mem")
    [skipped] = tasks_of(("photographs",), photographs=tmp_path, node_modules=tmp_path, tell=print)
    assert isinstance(skipped, Skipped)


def test_lines_that_are_not_used_are_told(tmp_path: Path) -> None:
    """The table of results counts only the others."""
    table = _write_photograph(tmp_path, "val/a.png")
    table.write_text(table.read_text(encoding="utf-8") + "val/absent.png\t猫\n", encoding="utf-8")
    told: list[str] = []
    tasks = tasks_of(
        ("photographs",), photographs=tmp_path, node_modules=tmp_path, tell=told.append
    )
    assert len(list(tasks)) == 2
    assert told == [
        (
            "val/: 1 pictures, 1 captions; 1 lines of captions.tsv left out, the first "
            "line 3: there is no file val/absent.png"
        )
    ]


def _write_photograph(folder: Path, name: str) -> Path:
    """Write a photograph, and a table with its caption; return the table."""
    (folder / name).parent.mkdir()
    Image.new("RGB", (8, 8)).save(folder / name)
    table = folder / "captions.tsv"
    table.write_text(f"image\tcaption\n{name}\t一只狗\n", encoding="utf-8")
    return table


def test_without_npm_the_emoji_are_left_out_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be run by hand elsewhere."""
    monkeypatch.setenv("PATH", str(tmp_path))
    [skipped] = tasks_of(
        ("emoji",),
        photographs=tmp_path,
        node_modules=tmp_path / "eval" / "node_modules",
        tell=print,
    )
    assert isinstance(skipped, Skipped)
    assert f"--prefix {tmp_path / 'eval'} {' '.join(PACKAGES)}" in skipped.reason


def test_a_failing_npm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, for example."""
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nexit 3\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    [skipped] = tasks_of(
        ("emoji",), photographs=tmp_path, node_modules=tmp_path / "node_modules", tell=print
    )
    assert isinstance(skipped, Skipped)
    assert "exit status 3" in skipped.reason


def test_packages_that_are_there_are_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run works without a network."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for package in PACKAGES:
        folder = tmp_path / package.rpartition("@")[0]
        folder.mkdir(parents=True)
        (folder / "package.json").touch()
    require_packages(tmp_path)


def test_every_noun_is_sought_where_something_fits(tmp_path: Path) -> None:
    """In the second gallery, which has no emoji, fewer nouns have a picture."""
    whole, without = tasks_of(("nouns",), photographs=tmp_path, node_modules=tmp_path, tell=print)
    assert isinstance(whole, RetrievalTask)
    assert isinstance(without, RetrievalTask)
    assert len(whole.queries) == 100
    assert len(without.queries) < 100
    for task in (whole, without):
        assert all(query.wanted <= task.gallery.pictures.keys() for query in task.queries)
    assert not [name for name in without.gallery.pictures if name.startswith("emoji_")]
