"""Walking a folder: what is taken, what is left out, and what is found unusable."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tihua._folder import Folder, PictureFile, Unusable
from tihua._left_out import LeftOut


def touch(path: Path) -> Path:
    """Write a small file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def ids(folder: Folder) -> list[str]:
    """Return the ids of the usable pictures."""
    return [found.id for found in folder if isinstance(found, PictureFile)]


class Kindless:
    """The entries of a folder, as of a file system that does not tell what they are.

    Args:
        entries: the real ones.
    """

    def __init__(self, entries: "os._ScandirIterator[str]") -> None:
        self._entries = entries

    def __enter__(self) -> Iterator["KindlessEntry"]:
        """Return the entries."""
        return map(KindlessEntry, self._entries)

    def __exit__(self, *_: object) -> None:
        """Close the folder."""
        self._entries.close()


class KindlessEntry:
    """An entry that fails when its kind is asked for.

    Args:
        entry: the real one.
    """

    def __init__(self, entry: "os.DirEntry[str]") -> None:
        self.name = entry.name
        self.path = entry.path

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Fail."""
        raise PermissionError(13, "Permission denied")

    is_file = is_symlink = is_dir


def test_pictures_are_told_by_their_suffix_in_any_letter_case(tmp_path: Path) -> None:
    """They come in order, folder by folder; hidden files and others are left out."""
    taken = ["a.JPG", "b/1.jpeg", "b/c/2.PnG", "b/3.webp", "d.bmp", "e.gif", "f.tif", "g.TIFF"]
    left = [".hidden.jpg", ".thumbnails/a.jpg", "notes.txt", "jpg", "x.jpg.bak", "b/Thumbs.db"]
    for name in (*taken, *left):
        touch(tmp_path / name)
    expected = ["a.JPG", "b/1.jpeg", "b/3.webp", "b/c/2.PnG", "d.bmp", "e.gif", "f.tif", "g.TIFF"]
    assert ids(Folder(tmp_path)) == expected
    assert Folder(tmp_path).count() == len(expected)


def test_files_that_are_left_out_are_counted_by_suffix(tmp_path: Path) -> None:
    """The letter case is ignored; hidden files, folders and links do not count."""
    for name in ("a.jpg", "a.HEIC", "b/b.heic", "b/b.json", "b/c", ".x.txt", "b/Thumbs.db"):
        touch(tmp_path / "in" / name)
    (tmp_path / "in" / "c.heic").mkdir()
    (tmp_path / "in" / "d.heic").symlink_to(touch(tmp_path / "out.heic"))
    (tmp_path / "in" / "e.heic").symlink_to(tmp_path / "in" / "a.HEIC")
    left_out = LeftOut()
    assert Folder(tmp_path / "in").count(left_out) == 1
    assert left_out.files == 4
    assert dict(left_out.most_common(10)) == {"heic": 2, "json": 1, "": 1}
    assert left_out.most_common(1) == [("heic", 2)]


def test_any_number_of_suffixes_takes_little_memory() -> None:
    """What counts files is bounded; those that it does not tell apart count all the same."""
    left_out = LeftOut()
    for number in range(5_000):
        left_out.add(f"page.{number}")
        left_out.add(f"page.v{number}")
        left_out.add(f"page.{number:0200}x")
    assert left_out.files == 15_000
    assert len(left_out.most_common(10_000)) == 1_000


def test_links_lead_nowhere_outside(tmp_path: Path) -> None:
    """Linked folders are not entered; a linked file must lie inside; a dangling one is nothing."""
    inside = tmp_path / "in"
    touch(inside / "a.jpg")
    outside = touch(tmp_path / "out" / "secret.jpg")
    (inside / "same.jpg").symlink_to(inside / "a.jpg")
    (inside / "secret.jpg").symlink_to(outside)
    (inside / "gone.jpg").symlink_to(inside / "nothing.jpg")
    (inside / "folder").symlink_to(outside.parent)
    (inside / "loop").symlink_to(inside)
    assert ids(Folder(inside)) == ["a.jpg", "same.jpg"]


def test_a_link_that_can_t_be_followed_hides_no_other_picture(tmp_path: Path) -> None:
    """One to a name that no file can have is nothing, like any dangling one."""
    touch(tmp_path / "a.jpg")
    touch(tmp_path / "z.jpg")
    (tmp_path / "long.jpg").symlink_to("n" * 256 + ".jpg")
    assert ids(Folder(tmp_path)) == ["a.jpg", "z.jpg"]
    assert Folder(tmp_path).count() == 2


def test_an_entry_whose_kind_can_t_be_told_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system may have to be asked, and refuse; the others of its folder are taken."""
    touch(tmp_path / "a.jpg")
    touch(tmp_path / "b.jpg")
    touch(tmp_path / "notes.txt")
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: Kindless(scandir(folder)))
    stat = Path.stat

    def refusing(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.name == "b.jpg":
            raise PermissionError(13, "Permission denied")
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", refusing)
    good, bad = Folder(tmp_path)
    assert isinstance(good, PictureFile)
    assert bad == Unusable("b.jpg", "FILE_UNREADABLE", "Permission denied")


def test_a_link_to_the_folder_itself_is_walked(tmp_path: Path) -> None:
    """The uris keep the way by which the user named it."""
    touch(tmp_path / "in" / "a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    (found,) = Folder(tmp_path / "link")
    assert isinstance(found, PictureFile)
    assert found.uri == str(tmp_path / "link" / "a.jpg")


def test_a_relative_folder_has_absolute_uris(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture is found from any working directory."""
    touch(tmp_path / "in" / "a.jpg")
    monkeypatch.chdir(tmp_path)
    (found,) = Folder(Path("in"), id_prefix="p/")
    assert isinstance(found, PictureFile)
    assert (found.id, found.uri) == ("p/a.jpg", str(tmp_path / "in" / "a.jpg"))


def test_a_named_pipe_is_not_a_picture(tmp_path: Path) -> None:
    """It would block whoever opens it: left out of a folder, unusable on its own."""
    os.mkfifo(tmp_path / "pipe.jpg")
    assert list(Folder(tmp_path)) == []
    (found,) = Folder(tmp_path / "pipe.jpg")
    assert found == Unusable("pipe.jpg", "FILE_UNREADABLE", "not a regular file")


def test_a_folder_that_can_t_be_read_is_unusable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its neighbours are walked."""
    touch(tmp_path / "a" / "a.jpg")
    touch(tmp_path / "b" / "b.jpg")
    scandir = os.scandir

    def forbidding(path: Path) -> "os._ScandirIterator[str]":
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidding)
    assert next(iter(Folder(tmp_path))) == Unusable("a/", "FOLDER_UNREADABLE", "Permission denied")
    assert ids(Folder(tmp_path)) == ["b/b.jpg"]
    assert Folder(tmp_path).count() == 2


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder within a folder, 600 times, and a picture; removed here: shutil would recurse."""
    folders = [tmp_path / ("d/" * depth) for depth in range(1, 601)]
    for folder in folders:
        folder.mkdir()
    picture = touch(folders[-1] / "z.jpg")
    yield tmp_path
    picture.unlink()
    for folder in reversed(folders):
        folder.rmdir()


def test_folders_may_be_deep(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing recurses, and no folder is open while another is."""
    touch(deep / "a.jpg")
    touch(deep / "e.jpg")
    scandir = os.scandir
    handles: list[os._ScandirIterator[str]] = []

    def watched(path: Path) -> "os._ScandirIterator[str]":
        assert not handles or next(handles[-1], None) is None  # as of one that is closed
        handles.append(scandir(path))
        return handles[-1]

    monkeypatch.setattr(os, "scandir", watched)
    assert ids(Folder(deep)) == ["a.jpg", f"{'d/' * 600}z.jpg", "e.jpg"]
    assert Folder(deep).count() == 3


def test_names_keep_their_exact_characters(tmp_path: Path) -> None:
    """Nothing is normalised: é as one code point and as two are two files."""
    touch(tmp_path / "\u00e9.jpg")
    touch(tmp_path / "e\u0301.jpg")
    assert sorted(ids(Folder(tmp_path))) == ["e\u0301.jpg", "\u00e9.jpg"]


PEAKS = """
import sys, tracemalloc
from pathlib import Path
from tihua._folder import Folder

folder = Folder(Path(sys.argv[1]))
tracemalloc.start()
assert folder.count() == 3_000
print(tracemalloc.get_traced_memory()[1])
assert sum(1 for _ in folder) == 3_000
print(tracemalloc.get_traced_memory()[1])
"""


def test_a_large_folder_takes_little_memory(tmp_path: Path) -> None:
    """Counting holds nothing, and walking no more than the names."""
    for number in range(3_000):
        (tmp_path / f"IMG_{number:08}.jpg").touch()
    # In a process of its own: what other tests' threads take counts as well.
    command = [sys.executable, "-c", PEAKS, str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    peak_of_count, peak = map(int, told.split())
    assert peak_of_count < 100_000
    assert peak < 3_000 * 150
