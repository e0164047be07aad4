"""The one folder in which clients may name files, if the operator allows any.

A path is checked twice: before the file is opened, so that no device or pipe elsewhere is touched,
and after it, because a link may have been redirected in between. Files outside the folder and files
that do not exist are refused with the same message.
"""

import os
import stat
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tihua_server.errors import ConfigError, InvalidInput, NotFound

# The last component must no longer be a link; opening must not wait for the other end of a pipe.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_OPEN_FILES = Path("/proc/self/fd")
"""Where Linux shows which file was opened, whatever its name leads to by now."""


class ImageRoot:
    """Opens regular files below a folder, and nothing else."""

    def __init__(self, folder: Path) -> None:
        """Resolve the folder, so that it may be a link.

        Raises:
            ConfigError: it is not a folder, or this is not Linux.
        """
        if not folder.is_dir():
            raise ConfigError(f"--image-root {folder} is not a folder")
        if not _OPEN_FILES.is_dir():
            raise ConfigError("--image-root needs Linux and its /proc")
        self._root = folder.resolve()

    def open(self, path: str) -> BinaryIO:
        """Return a file, open for reading.

        Args:
            path: relative to the folder, with `/` between its parts.

        Raises:
            InvalidInput: the path is empty or absolute.
            NotFound: there is no such regular file, it can't be read, or it is not below the
                folder.
        """
        if not path or PurePosixPath(path).is_absolute():
            raise InvalidInput(
                f"the path {path[:200]!r} must be relative to the server's --image-root",
                reason="WRONG_PATH",
            )
        try:
            file = self._opened(self._root.joinpath(path).resolve())
        except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle
            file = None
        if file is None:
            raise NotFound(
                f"there is no file {path[:200]!r} below the server's --image-root that can be read",
                reason="FILE_NOT_FOUND",
            )
        return file

    def _opened(self, path: Path) -> BinaryIO | None:
        if not path.is_relative_to(self._root):
            return None
        descriptor = os.open(path, _FLAGS)
        is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if not is_regular or not (_OPEN_FILES / str(descriptor)).readlink().is_relative_to(
            self._root
        ):
            os.close(descriptor)
            return None
        return os.fdopen(descriptor, "rb")
