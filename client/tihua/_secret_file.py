"""Files of secrets, a token or a private key: refused if everybody may read them."""

import os
import stat
from pathlib import Path

from tihua._tls import FileName
from tihua.errors import InvalidRequestError


def read_secret(path: FileName) -> bytes:
    """Return what is in a file that its user and group alone may read, or in a pipe.

    Raises:
        OSError: it can't be read.
        InvalidRequestError: it can be read by everybody.
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
    """Return why nothing in a file of this mode is a secret, and the remedy; else nothing."""
    # On other systems, and of a pipe, the bits mean nothing.
    if os.name != "posix" or not stat.S_ISREG(mode) or not mode & 0o007:
        return ""
    return (
        f"{path} is open to every user of this machine (mode {mode & 0o777:o}); chmod o= "
        f"{path}, or mount it with mode 0440 and fsGroup"
    )
