"""The committed code of other languages is what the protos generate."""

import subprocess
from pathlib import Path

import pytest
from needs import go_without
from repository import ROOT
from toolchains import CLIENTS, LANGUAGES, building, install_node_packages

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600, func_only=True)]

GENERATED = {
    "go": "go/v1",
    "node": "node/src/gen",
    "java": "java/src/main/java/io/github/tihua/v1",
    "cpp": "cpp/gen",
}

OTHER_GENERATOR = 3
"""The exit status of `protos/stubs` for a generator that writes other code, or is not there."""


def contents(folder: Path) -> dict[str, bytes]:
    """Return each file below a folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_the_committed_code_is_fresh(language: str, tmp_path: Path) -> None:
    """`make stubs` would change nothing."""
    if language == "node" and not LANGUAGES[language].missing_packages():
        with building():
            install_node_packages()
    done = subprocess.run(
        ["sh", "protos/stubs", tmp_path, language],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == OTHER_GENERATOR:
        go_without(done.stderr)
    assert done.returncode == 0, done.stderr
    fresh, committed = (contents(root / GENERATED[language]) for root in (tmp_path, CLIENTS))
    assert fresh
    stale = {
        name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name)
    }
    assert not stale, "run `make stubs`"
