"""Files of secrets, a token or a private key: refused if everybody may read them."""

import os
from pathlib import Path

from tihua._tls import FileName
from tihua.errors import InvalidRequestError


def read_secret(path: FileName) -> bytes:
    """Return what is in a file that its user and group alone may read.

    Raises:
        OSError: it can't be read.
        InvalidRequestError: it can be read by everybody.
    """
    with Path(path).open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        content = file.read()
    if os.name == "posix" and mode & 0o007:  # elsewhere the bits mean nothing
        raise InvalidRequestError(
            f"{path} is open to every user of this machine (mode {mode:o}); chmod o= {path}",
            reason="SECRET_EXPOSED",
        )
    return content
