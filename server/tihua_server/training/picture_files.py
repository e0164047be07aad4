"""The files of a folder or of a tar archive, by their names within it."""

import lzma
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from tihua_server.training.failures import TrainingError

_APPLE_DOUBLE = "._"
"""Prefix of the files in which macOS stores attributes of other files."""


class PictureFiles:
    """Reads files by name.

    A folder's files are read when needed, an archive's all at once. If an archive has a single
    folder at its top, as `tar` makes it, names are relative to that folder.

    Args:
        path: a folder, or a tar archive of one, compressed or not.

    Raises:
        TrainingError: there is no `path`, or it is a file that is not a whole tar archive.
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
        except OSError:  # the name is too long for a file
            return False

    def read(self, name: str) -> bytes:
        """Return the content of a file; it exists."""
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
            # `tarfile` takes a damaged header for the end of the archive.
            if any(archive.fileobj.read(-1)):
                raise tarfile.ReadError("it goes on after its end")
    except (tarfile.TarError, EOFError, OSError, KeyError, zlib.error, lzma.LZMAError) as error:
        msg = f"{path} is neither a folder nor a whole tar archive: {error}"
        raise TrainingError(msg) from error
    tops = {name.partition("/")[0] for name in contents}
    if len(tops) == 1 and all("/" in name for name in contents):
        contents = {name.partition("/")[2]: content for name, content in contents.items()}
    return contents
