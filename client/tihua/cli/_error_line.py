"""An error of the client as one line."""

import tihua
from tihua._printable import one_line

_OWN_FAULT = {"INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"}
"""Codes whose message says what the user can mend."""

_NO_COLLECTION = "tihua collections list shows what there is, tihua ingest DIR makes one"


def told(error: tihua.TihuaError) -> str:
    """Return an error as one line; for what the operator must look into, with the call's id."""
    line = one_line(str(error))
    if isinstance(error, tihua.NotFoundError) and "collection" in error.metadata:
        line += f"; {_NO_COLLECTION}"
    if error.request_id and error.code not in _OWN_FAULT:
        line += f" (request {error.request_id})"
    return line
