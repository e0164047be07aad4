"""Walks a folder of pictures; decides which files are left out, and which can't be used and why.

It knows nothing about servers.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from tihua._foreign_name import is_utf8, remedy
from tihua._left_out import LeftOut

SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""The suffixes of pictures, in any letter case."""

_HIDDEN = frozenset({"thumbs.db", "desktop.ini"})
"""Files that Windows hides, in lower case; other systems hide files with a dot."""

OWN_METADATA = ("name", "file_bytes", "file_mtime")
"""The metadata keys of each file, which a folder's metadata can't have."""


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture file, not yet opened.

    Attributes:
        id: the folder's prefix and the path within the folder, with `/` between the parts.
        path: the absolute path.
        size_bytes: its size.
        mtime_s: when it was last written, in seconds since 1970, rounded to milliseconds, which
            survive JSON unchanged.
        folder_metadata: metadata of every picture of its folder, in addition to its own.
    """

    id: str
    path: Path
    size_bytes: int
    mtime_s: float
    folder_metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """The path as it is stored with the item."""
        return str(self.path)

    @property
    def metadata(self) -> Mapping[str, object]:
        """The item's metadata, by which changed files are found: name, size, time, the folder's."""
        own = (self.path.name, self.size_bytes, self.mtime_s)
        return {**self.folder_metadata, **dict(zip(OWN_METADATA, own, strict=True))}


@dataclass(frozen=True, slots=True)
class Unusable:
    """A picture that can't be ingested.

    Attributes:
        id: the id that it has, or would have; bytes that are not UTF-8 are lone surrogates.
        reason: stable and machine-readable, UPPER_SNAKE_CASE.
        message: one sentence for people.
    """

    id: str
    reason: str
    message: str


Found: TypeAlias = PictureFile | Unusable


class Folder:
    """The pictures under a folder, or a single file.

    Folders below it are walked in the order of their names. Hidden files and folders (`.name`),
    files with other suffixes, links to folders, and links to files outside it are left out. A
    single file is used whatever its name. All pictures in and below a folder whose name is not
    UTF-8 count as one `Unusable`.

    Args:
        root: the folder, or a file.
        id_prefix: put before every id.
        metadata: stored with every picture, without keys of `OWN_METADATA`.
    """

    def __init__(
        self,
        root: Path,
        *,
        id_prefix: str = "",
        metadata: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - links in its own path are kept
        self.id_prefix = id_prefix
        self._metadata = metadata
        self._real_root = os.path.realpath(root)

    def __iter__(self) -> Iterator[Found]:
        """Yield the pictures, usable or not.

        Only the names in the current folder and in those above it are kept in memory, some 70 bytes
        each.
        """
        if not self.root.is_dir():
            yield self._found(self.root.name, self.root)
            return
        for entry in self._walk():
            yield entry if isinstance(entry, Unusable) else self._found(*entry)

    def count(self, left_out: LeftOut | None = None) -> int:
        """Return how many pictures there are now, usable or not.

        Args:
            left_out: counts the files with other suffixes.
        """
        return sum(self._counts("", left_out)) if self.root.is_dir() else 1

    # Folders may be deep: don't recurse, and don't keep one open while walking another.

    def _counts(
        self, top: str, left_out: LeftOut | None = None, *, is_misnamed: bool = False
    ) -> Iterator[int]:
        """Yield the number of pictures in each folder, in no order.

        Args:
            top: the folder to start from.
            left_out: counts the other files.
            is_misnamed: the top's name is not UTF-8, so that nothing below it can have an id;
                without this the pictures of such a folder count as one.
        """
        unread = [top]
        while unread:
            prefix = unread.pop()
            if not is_misnamed and not self._has_ids(prefix):
                yield min(1, sum(self._counts(prefix, left_out, is_misnamed=True)))
                continue
            count, folders = 0, []
            try:
                for name, is_folder in self._entries(self.root / prefix, left_out):
                    if is_folder:
                        folders.append(f"{prefix}{name}/")
                    else:
                        count += 1
            except OSError:
                yield 1  # a folder that can't be read is one failure
            else:
                yield count
                unread += folders

    def _walk(self) -> Iterator[tuple[str, Path] | Unusable]:
        levels = [iter([""])]
        while levels:
            name = next(levels[-1], None)
            if name is None:
                levels.pop()
            elif name and not name.endswith("/"):
                yield name, self.root / name
            elif not self._has_ids(name):
                if any(self._counts(name, is_misnamed=True)):
                    yield self._misnamed(name, "folder")
            else:
                try:
                    levels.append(self._names(name))
                except OSError as error:
                    yield self._unusable(name or ".", "FOLDER_UNREADABLE", error)

    def _names(self, prefix: str) -> Iterator[str]:
        """Return the names in a folder, sorted, those of folders with a `/` at the end.

        Raises:
            OSError: the folder can't be read.
        """
        folders: set[bytes] = set()
        names: list[bytes] = []
        for name, is_folder in self._entries(self.root / prefix):
            names.append(os.fsencode(name))
            if is_folder:
                folders.add(names[-1])
        names.sort()
        return (prefix + os.fsdecode(name) + "/" * (name in folders) for name in names)

    def _entries(self, folder: Path, left_out: LeftOut | None = None) -> Iterator[tuple[str, bool]]:
        """Return the names of the pictures and folders in a folder, and whether each is a folder.

        Args:
            folder: the root, or a folder below it.
            left_out: counts the other files.

        Raises:
            OSError: the folder can't be read.
        """
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                is_folder = _is_folder(entry)
                is_picture = os.path.splitext(entry.name)[1].lower() in SUFFIXES  # noqa: PTH122 - fast
                if is_folder or (is_picture and self._is_inside(entry)):
                    yield entry.name, is_folder
                elif left_out is not None and not is_picture and _is_plain(entry):
                    left_out.add(entry.name)

    def _is_inside(self, entry: "os.DirEntry[str]") -> bool:
        """Return whether an entry is a file, or a link to a file in this folder."""
        # Unlike the methods of Path and DirEntry these never raise: some file systems can't tell a
        # file's type, and a link may lead to a name that is too long or into a closed folder.
        if not os.path.islink(entry.path):  # noqa: PTH114
            return _is_file(entry)
        target = os.path.realpath(entry.path)
        return Path(target).is_relative_to(self._real_root) and os.path.isfile(target)  # noqa: PTH113

    def _has_ids(self, prefix: str) -> bool:
        """Return whether a folder's path is UTF-8, so that its files can have ids and uris."""
        return is_utf8(prefix or str(self.root))

    def _found(self, name: str, path: Path) -> Found:
        if not is_utf8(str(path)):
            return self._misnamed(name, "file")
        try:
            status = path.stat()
        except OSError as error:
            return self._unusable(name, "FILE_UNREADABLE", error)
        if not stat.S_ISREG(status.st_mode):
            return Unusable(self.id_prefix + name, "FILE_UNREADABLE", "not a regular file")
        mtime_s = round(status.st_mtime_ns / 1e9, 3)
        return PictureFile(self.id_prefix + name, path, status.st_size, mtime_s, self._metadata)

    def _misnamed(self, name: str, kind: str) -> Unusable:
        """Return the failure of a file or a whole folder whose path can't be an id or a uri."""
        at_fault = str(self.root) if is_utf8(name) else name
        message = f"the {kind}'s path is not valid UTF-8, as ids must be; {remedy(at_fault)}"
        return Unusable(self.id_prefix + (name or "."), "NAME_NOT_UTF8", message)

    def _unusable(self, name: str, reason: str, error: OSError) -> Unusable:
        return Unusable(self.id_prefix + name, reason, error.strerror or str(error))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry is a folder and not a link."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # the file system can't tell its type
        return False


def _is_plain(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry is a file that is neither a link nor hidden."""
    # Taken from the folder's listing: a system call per file would take minutes on a network disk.
    return entry.name.lower() not in _HIDDEN and _is_file(entry, follow_symlinks=False)


def _is_file(entry: "os.DirEntry[str]", *, follow_symlinks: bool = True) -> bool:
    """Return whether an entry is, or may be, a file; if it is not, opening it will say so."""
    try:
        return entry.is_file(follow_symlinks=follow_symlinks)
    except OSError:
        return True
