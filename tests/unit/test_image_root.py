"""Files that a client names: below one folder, and nowhere else."""

import os
from pathlib import Path

import pytest
from tihua_server.errors import ConfigError, InvalidInput, NotFound
from tihua_server.image_root import ImageRoot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file and a folder in it, and a secret beside it."""
    root = tmp_path / "root"
    (root / "2024").mkdir(parents=True)
    (root / "2024" / "马.jpg").write_bytes(b"horse")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "root2").mkdir()
    (tmp_path / "root2" / "secret.jpg").write_bytes(b"secret")
    return root


@pytest.fixture
def root(folder: Path) -> ImageRoot:
    """The image root on that folder."""
    return ImageRoot(folder)


def read(root: ImageRoot, path: str) -> bytes:
    """Read a file to its end."""
    with root.open(path) as file:
        return file.read()


@pytest.mark.parametrize("path", ["2024/马.jpg", "./2024//马.jpg", "2024/../2024/马.jpg"])
def test_a_file_below_the_folder_is_read(root: ImageRoot, path: str) -> None:
    """However its path is written."""
    assert read(root, path) == b"horse"


def test_a_link_is_followed_as_far_as_it_stays_below(folder: Path, root: ImageRoot) -> None:
    """Of a file and of a folder."""
    (folder / "file.jpg").symlink_to(folder / "2024" / "马.jpg")
    (folder / "this year").symlink_to("2024")
    assert read(root, "file.jpg") == read(root, "this year/马.jpg") == b"horse"


def test_the_folder_may_be_a_link_itself(folder: Path, tmp_path: Path) -> None:
    """The operator named it."""
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert read(ImageRoot(link), "2024/马.jpg") == b"horse"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jpg",
        "../root2/secret.jpg",
        "2024/../../secret.jpg",
        "link.jpg",
        "outside/secret.jpg",
        "circle",
        "none.jpg",
        "2024",
        "2024/马.jpg/",
        "pipe",
        "a\0b",
        "x" * 5_000,
        "x/" * 5_000,
    ],
)
def test_what_is_elsewhere_and_what_is_not_there_are_refused_alike(
    folder: Path, root: ImageRoot, path: str
) -> None:
    """A client can't find out what else the machine has."""
    (folder / "link.jpg").symlink_to(folder.parent / "secret.jpg")
    (folder / "outside").symlink_to(folder.parent)
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe")
    if path == "2024/马.jpg/":  # pathlib drops the slash: it is the file
        assert read(root, path) == b"horse"
        return
    with pytest.raises(NotFound, match=r"no file .* below the server's --image-root") as refused:
        root.open(path)
    assert str(folder) not in refused.value.message


def test_a_link_that_is_turned_meanwhile_leads_nowhere(
    folder: Path, root: ImageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is the file that was opened, not what its path led to before."""
    opening = os.open

    def turned(path: Path, flags: int) -> int:
        (folder / "2024" / "马.jpg").unlink()
        (folder / "2024").rmdir()
        (folder / "2024").symlink_to(folder.parent / "root2")
        return opening(folder / "2024" / "secret.jpg", flags)

    monkeypatch.setattr("tihua_server.image_root.os.open", turned)
    with pytest.raises(NotFound):
        root.open("2024/马.jpg")


@pytest.mark.parametrize("path", ["", "/etc/hostname", "//etc/hostname"])
def test_a_path_must_be_relative(root: ImageRoot, path: str) -> None:
    """The client does not know where the folder lies."""
    with pytest.raises(InvalidInput, match="must be relative"):
        root.open(path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """At the start, where the operator sees it."""
    with pytest.raises(ConfigError, match="is not a folder"):
        ImageRoot(tmp_path / "none")
