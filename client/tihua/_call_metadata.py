"""What every call carries beside its message: what the server's log calls it."""

import secrets
from collections.abc import Sequence
from typing import TypeAlias

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]
"""gRPC's pairs of key and value, as they are sent and as they come back."""

REQUEST_ID = "x-request-id"
"""The server takes it over into its log, and tells it with its answer."""


def call_metadata() -> tuple[tuple[str, str], ...]:
    """Return the metadata of a new call: an id of its own."""
    return ((REQUEST_ID, secrets.token_hex(8)),)


def request_id_of(metadata: Metadata | None) -> str:
    """Return the id that metadata tells; empty if it tells none."""
    for key, value in metadata or ():
        if key == REQUEST_ID and isinstance(value, str):
            return value
    return ""
