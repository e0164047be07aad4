"""The files of a folder or of a tar archive, by their names within it."""

import lzma
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from tihua_server.training.failures import TrainingError

_APPLE_DOUBLE = "._"
"""Begins the names of files in which macOS keeps attributes of the others."""


class PictureFiles:
    """Reads files by name; of a folder when they are asked for.

    Of an archive all are read at once, and where everything lies in one folder the names begin
    within it, as `tar` of a folder makes them.

    Args:
        path: a folder, or a tar archive of one, compressed or not.

    Raises:
        TrainingError: `path` is a file and no tar archive, or a damaged one.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path
        self._contents = None if path.is_dir() else _read_archive(path)

    def __contains__(self, name: str) -> bool:
        """Return whether there is a file of that name: `train/a.jpg`."""
        if self._contents is not None:
            return name in self._contents
        try:
            return (self._folder / name).is_file()
        except OSError:  # of a name that no file can have, being too long
            return False

    def read(self, name: str) -> bytes:
        """Return the content of a file that is there."""
        if self._contents is None:
            return (self._folder / name).read_bytes()
        return self._contents[name]


def plain_name(name: str) -> str:
    r"""Return `train/a.jpg` of `./train/a.jpg` or `train\a.jpg`."""
    return PurePosixPath(name.strip().replace("\\", "/")).as_posix()


def _read_archive(path: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(path) as archive:
            contents = {
                PurePosixPath(member.name).as_posix(): file.read()
                for member in archive
                if not PurePosixPath(member.name).name.startswith(_APPLE_DOUBLE)
                and (member.isreg() or member.islnk())
                and (file := archive.extractfile(member)) is not None
            }
            # A header that is damaged ends an archive for `tarfile`, as zeros do.
            if any(archive.fileobj.read(-1)):
                raise tarfile.ReadError("it goes on after its end")
    except (tarfile.TarError, EOFError, OSError, KeyError, zlib.error, lzma.LZMAError) as error:
        msg = f"{path} is neither a folder nor a whole tar archive: {error}"
        raise TrainingError(msg) from error
    tops = {name.partition("/")[0] for name in contents}
    if len(tops) == 1 and all("/" in name for name in contents):
        contents = {name.partition("/")[2]: content for name, content in contents.items()}
    return contents
