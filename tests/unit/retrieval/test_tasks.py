"""What is measured, as far as it is at hand."""

from pathlib import Path

import pytest
from bench.retrieval.emoji_packages import PACKAGES, require_packages
from bench.retrieval.outcome import Skipped
from bench.retrieval.tasks import tasks_of
from tihua_server.training.retrieval import RetrievalTask


def test_absent_photographs_are_left_out_with_a_reason(tmp_path: Path) -> None:
    """Which names the file and the option."""
    absent = tmp_path / "absent.tar"
    [skipped] = tasks_of(("photographs",), photographs=absent, node_modules=tmp_path)
    assert isinstance(skipped, Skipped)
    assert str(absent) in skipped.reason
    assert "--photographs" in skipped.reason


def test_without_npm_the_emoji_are_left_out_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be run by hand elsewhere."""
    monkeypatch.setenv("PATH", str(tmp_path))
    [skipped] = tasks_of(
        ("emoji",), photographs=tmp_path, node_modules=tmp_path / "eval" / "node_modules"
    )
    assert isinstance(skipped, Skipped)
    assert f"--prefix {tmp_path / 'eval'} {' '.join(PACKAGES)}" in skipped.reason


def test_a_failing_npm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, for example."""
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nexit 3\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    [skipped] = tasks_of(("emoji",), photographs=tmp_path, node_modules=tmp_path / "node_modules")
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
    """In the second gallery fewer nouns have a picture: no emoji."""
    whole, without = tasks_of(("nouns",), photographs=tmp_path, node_modules=tmp_path)
    assert isinstance(whole, RetrievalTask)
    assert isinstance(without, RetrievalTask)
    assert len(whole.queries) == 100
    assert len(without.queries) < 100
    for task in (whole, without):
        assert all(query.wanted <= task.gallery.pictures.keys() for query in task.queries)
    assert not [name for name in without.gallery.pictures if name.startswith("emoji_")]
