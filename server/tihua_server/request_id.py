"""The id of a call in the log: chosen by the client or made here, and returned with every answer.

It is sent as metadata `x-request-id` in both directions, so that a user can give an operator the id
that finds the call's log lines; within the server it is a context variable, which tasks inherit.
"""

import re
import secrets
from collections.abc import Iterable
from contextvars import ContextVar

REQUEST_ID_KEY = "x-request-id"
"""The metadata key of the id in both directions; the name that proxies use."""

REQUEST_ID: ContextVar[str] = ContextVar("tihua_request_id", default="")
"""The id of the call that this task works for; empty outside of one."""

# Enough for a UUID, a ULID or a path of them; nothing that could break a line or forge a field.
_ALLOWED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def begin_request(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Choose the id of a new call, set it for the log of the current task, and return it.

    Args:
        metadata: of the call. The client's id is used if it is 1 to 128 letters, digits and
            `._:/+=@-`; otherwise one of 16 hexadecimal digits is made.
    """
    for key, value in metadata:
        if key == REQUEST_ID_KEY and isinstance(value, str) and _ALLOWED.fullmatch(value):
            request_id = value
            break
    else:
        request_id = secrets.token_hex(8)
    REQUEST_ID.set(request_id)
    return request_id
