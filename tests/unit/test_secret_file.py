"""Files of secrets: who may read them, and when they are read again."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from clock import Clock
from structlog.testing import capture_logs
from tihua import _secret_file as client_file
from tihua_server.errors import ConfigError
from tihua_server.rpc.secret_file import LOOK_S, MAX_BYTES, WatchedFiles, read_secret


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that its owner alone may read; it says "old"."""
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o600)
    return path


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


def loader(path: Path) -> Callable[[], str]:
    """Return what reads a file, and does not take "broken"."""

    def load() -> str:
        text = read_secret(path).decode()
        if text == "broken":
            raise ConfigError("it is broken")
        return text

    return load


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644])
def test_a_file_that_everybody_may_touch_is_refused(file: Path, mode: int) -> None:
    """The message has the remedy."""
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:o}.*chmod o= {file}"):
        read_secret(file)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_owner_and_group_may_read(file: Path, mode: int) -> None:
    """The group too: Kubernetes mounts secrets so."""
    file.chmod(mode)
    assert read_secret(file) == b"old"


@pytest.mark.parametrize("read", [read_secret, client_file.read_secret])
def test_the_mode_of_what_is_no_file_is_not_asked(read: Callable[[Path], bytes]) -> None:
    """Nobody else reads what a pipe gives, and /dev/null has nothing to hide."""
    assert read(Path(os.devnull)) == b""


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """And so is a folder, which can't be read."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match=f"can't read {path}"):
            read_secret(path)


def test_an_endless_file_is_not_read(file: Path) -> None:
    """A wrong path must not fill the memory."""
    file.write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        read_secret(file)


def test_what_changes_is_read_again(file: Path, clock: Clock) -> None:
    """After a second, and not before: a call costs no look at the disk."""
    watched = WatchedFiles([file], loader(file), now=clock)
    file.write_text("new, and longer")
    assert watched.current() == "old"
    clock.now_s += LOOK_S
    assert watched.current() == "new, and longer"


def test_what_does_not_change_is_not_read_again(file: Path, clock: Clock) -> None:
    """Reading costs more than looking."""
    reads = []
    watched = WatchedFiles([file], lambda: reads.append(1), now=clock)
    clock.now_s += LOOK_S
    watched.current()
    assert reads == [1]


def test_a_file_behind_a_link_is_seen_to_change(file: Path, clock: Clock, tmp_path: Path) -> None:
    """Kubernetes turns a link to the new secret."""
    link, other = tmp_path / "link", tmp_path / "other"
    other.write_text("new")
    other.chmod(0o600)
    link.symlink_to(file)
    watched = WatchedFiles([link], loader(link), now=clock)
    link.unlink()
    link.symlink_to(other)
    clock.now_s += LOOK_S
    assert watched.current() == "new"


@pytest.mark.parametrize("how", ["broken", "gone", "open to everybody"])
def test_the_old_holds_while_the_new_is_broken(file: Path, clock: Clock, how: str) -> None:
    """It is logged once, and what is mended is taken."""
    watched = WatchedFiles([file], loader(file), now=clock)
    if how == "gone":
        file.unlink()
    else:
        file.write_text("broken" if how == "broken" else "new")
        file.chmod(0o600 if how == "broken" else 0o644)
    with capture_logs() as logs:
        for _ in range(3):
            clock.now_s += LOOK_S
            assert watched.current() == "old"
    assert [entry["log_level"] for entry in logs] == ["error"]
    file.write_text("mended")
    file.chmod(0o600)
    clock.now_s += LOOK_S
    assert watched.current() == "mended"


def test_what_is_broken_at_first_is_an_error(file: Path) -> None:
    """A server does not start without what it was told to take."""
    file.write_text("broken")
    with pytest.raises(ConfigError, match="it is broken"):
        WatchedFiles([file], loader(file))
