"""Files that hold a secret, a token or a private key: refused if everyone may read them."""

import os
import stat
from pathlib import Path

from tihua._tls import FileName
from tihua.errors import InvalidRequestError


def read_secret(path: FileName) -> bytes:
    """Return the content of a pipe, or of a file that only its owner and group may read.

    Raises:
        OSError: it can't be read.
        InvalidRequestError: everyone may read it.
    """
    with Path(path).open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        content = file.read()
    if problem := exposure(path, mode):
        raise InvalidRequestError(
            f"{problem}, or use TIHUA_TOKEN for a token", reason="SECRET_EXPOSED"
        )
    return content


def exposure(path: FileName, mode: int) -> str:
    """Return why a file of this mode is no place for a secret, and the remedy; else empty."""
    # On other systems, and for a pipe, the bits mean nothing.
    if os.name != "posix" or not stat.S_ISREG(mode) or not mode & 0o007:
        return ""
    return (
        f"{path} is open to every user of this machine (mode {mode & 0o777:o}); chmod o= "
        f"{path}, or mount it with mode 0440 and fsGroup"
    )
