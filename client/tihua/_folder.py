"""A folder of pictures, walked file by file.

Knows nothing of servers. What is left out, and what can't be used and why, is decided here.
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
"""Names of pictures end with one of these, in any letter case."""

_HIDDEN = frozenset({"thumbs.db", "desktop.ini"})
"""Files that Windows hides, in lower case; others hide theirs by a dot."""

OWN_METADATA = ("name", "file_bytes", "file_mtime")
"""What is told of each file, and so of none by whoever gives the folder."""


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture file, not yet opened.

    Attributes:
        id: where it is within its folder, with `/` between the parts, after the folder's prefix.
        path: where it is, absolute.
        size_bytes: its size.
        mtime_s: when it was last written, in seconds since 1970, rounded to milliseconds, which
            JSON carries unchanged.
        folder_metadata: what is stored with every picture of its folder, beside its own.
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
        """What is stored with the item, and tells changed files: name, size, time, the folder's."""
        own = (self.path.name, self.size_bytes, self.mtime_s)
        return {**self.folder_metadata, **dict(zip(OWN_METADATA, own, strict=True))}


@dataclass(frozen=True, slots=True)
class Unusable:
    """A picture that does not go in.

    Attributes:
        id: the id that it has, or would have; may hold what is not UTF-8, as lone surrogates.
        reason: stable and machine-readable, UPPER_SNAKE_CASE.
        message: one sentence for people.
    """

    id: str
    reason: str
    message: str


Found: TypeAlias = PictureFile | Unusable


class Folder:
    """The pictures under a folder, or a single file.

    Folders below it are walked in the order of their names. Left out are hidden files and folders
    (`.name`), files with other suffixes, links to folders, and links to files outside of it. A
    single file is taken whatever it is called. All pictures of a folder whose name is not UTF-8 are
    one thing unusable.

    Args:
        root: the folder, or a file.
        id_prefix: stands before every id.
        metadata: stored with every picture; none of `OWN_METADATA`.
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
        """Return what there is, one by one.

        Held in memory are the names in the folder that is walked and in those above it, some
        70 bytes each.
        """
        if not self.root.is_dir():
            yield self._found(self.root.name, self.root)
            return
        for entry in self._walk():
            yield entry if isinstance(entry, Unusable) else self._found(*entry)

    def count(self, left_out: LeftOut | None = None) -> int:
        """Return how many pictures there are now, usable or not.

        Args:
            left_out: takes the files with other suffixes.
        """
        return sum(self._counts("", left_out)) if self.root.is_dir() else 1

    # Folders may be deep: nothing recurses with them, or keeps one open while it is in another.

    def _counts(
        self, top: str, left_out: LeftOut | None = None, *, is_misnamed: bool = False
    ) -> Iterator[int]:
        """Return how many pictures there are, folder by folder, in no order.

        Args:
            top: where to begin.
            left_out: takes the other files.
            is_misnamed: the top's name is not UTF-8, and so those below can't have ids either;
                otherwise the pictures of such a folder count as one.
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
                yield 1  # what can't be walked is one failure
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
        """Return what is in a folder in the order of its names, folders with a `/` at the end.

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
            folder: below the root, or the root.
            left_out: takes the other files.

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
        """Return whether an entry is no link, or one to a file of this folder."""
        # Unlike those of Path and DirEntry these never raise: a kind may have to be asked for and
        # not be told, a link may lead to a name that is too long, or into a folder closed to us.
        if not os.path.islink(entry.path):  # noqa: PTH114
            return _is_file(entry)
        target = os.path.realpath(entry.path)
        return Path(target).is_relative_to(self._real_root) and os.path.isfile(target)  # noqa: PTH113

    def _has_ids(self, prefix: str) -> bool:
        """Return whether the files of a folder can have ids and uris, as far as it goes."""
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
        """Return what to say of a file, or once of a folder, whose path can't be an id or a uri."""
        at_fault = str(self.root) if is_utf8(name) else name
        message = f"the {kind}'s path is not valid UTF-8, as ids must be; {remedy(at_fault)}"
        return Unusable(self.id_prefix + (name or "."), "NAME_NOT_UTF8", message)

    def _unusable(self, name: str, reason: str, error: OSError) -> Unusable:
        return Unusable(self.id_prefix + name, reason, error.strerror or str(error))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry is a folder, and no link to one."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # a file system that tells kinds only if asked, and not of this one
        return False


def _is_plain(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry is a file, and no link, that nobody hid."""
    # As listing the folder told it: a call for each file would take minutes on a network's disk.
    return entry.name.lower() not in _HIDDEN and _is_file(entry, follow_symlinks=False)


def _is_file(entry: "os.DirEntry[str]", *, follow_symlinks: bool = True) -> bool:
    """Return whether an entry is a file, or can't be told to be none: then it is named later."""
    try:
        return entry.is_file(follow_symlinks=follow_symlinks)
    except OSError:
        return True
