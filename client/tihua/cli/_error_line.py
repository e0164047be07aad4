"""An error of the client as one line."""

import re

import tihua
from tihua._printable import one_line

_OWN_FAULT = {"INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"}
"""Codes whose message says what the user can correct."""

_NO_COLLECTION = "tihua collections list shows what there is, tihua ingest DIR makes one"

_COLLECTION_NAME = re.compile(r"[A-Za-z_]\w{0,254}", re.ASCII)
_NO_NAME = (
    "no collection can have that name: it is 1 to 255 letters, digits and underscores "
    "(a-z, A-Z, 0-9, _), not starting with a digit; the --description may be any text"
)


def error_line(error: tihua.TihuaError) -> str:
    """Return an error as one line, with the call's id if it is for the server's operator."""
    line = one_line(str(error))
    if isinstance(error, tihua.NotFoundError) and "collection" in error.metadata:
        is_name = _COLLECTION_NAME.fullmatch(error.metadata["collection"])
        line += f"; {_NO_COLLECTION if is_name else _NO_NAME}"
    if error.request_id and error.code not in _OWN_FAULT:
        line += f" (request {error.request_id})"
    return line
