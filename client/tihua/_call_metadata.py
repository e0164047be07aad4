"""What every call carries besides its message: its id in the server's log, and its trace."""

import secrets
import sys
from collections.abc import Sequence
from typing import TypeAlias

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]
"""gRPC's pairs of key and value, as they are sent and as they come back."""

REQUEST_ID = "x-request-id"
"""The server takes it over into its log, and tells it with its answer."""


def call_metadata() -> tuple[tuple[str, str], ...]:
    """Return the metadata of a new call: an id of its own, and the trace that it belongs to.

    The trace is OpenTelemetry's current context, where the program uses that: W3C's `traceparent`,
    or whatever the program's propagator writes.
    """
    return ((REQUEST_ID, secrets.token_hex(8)), *_trace_context())


def request_id_of(metadata: Metadata | None) -> str:
    """Return the id that metadata tells; empty if it tells none."""
    for key, value in metadata or ():
        if key == REQUEST_ID and isinstance(value, str):
            return value
    return ""


def _trace_context() -> tuple[tuple[str, str], ...]:
    # A program that has a trace has imported this; for all others it is not worth the time.
    if "opentelemetry.trace" not in sys.modules:
        return ()
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    # gRPC takes small letters alone; X-Ray's propagator writes `X-Amzn-Trace-Id`.
    return tuple((key.lower(), value) for key, value in carrier.items())
