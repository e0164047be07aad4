"""The metadata of every call: its id in the server's log, and its trace."""

import secrets
import sys
from collections.abc import Sequence
from typing import TypeAlias

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]
"""Pairs of key and value, as gRPC sends and returns them."""

REQUEST_ID = "x-request-id"
"""The key of the call's id. The server writes the id into its log and returns it."""


def call_metadata() -> tuple[tuple[str, str], ...]:
    """Return the metadata of a new call: a new id, and the trace that the call belongs to.

    The trace is OpenTelemetry's current context, if the program uses it: W3C's `traceparent`, or
    whatever the program's propagator writes.
    """
    return ((REQUEST_ID, secrets.token_hex(8)), *_trace_context())


def request_id_of(metadata: Metadata | None) -> str:
    """Return the id in the metadata; empty if there is none."""
    for key, value in metadata or ():
        if key == REQUEST_ID and isinstance(value, str):
            return value
    return ""


def _trace_context() -> tuple[tuple[str, str], ...]:
    # A program with a trace has already imported this; others are spared the import.
    if "opentelemetry.trace" not in sys.modules:
        return ()
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    # gRPC accepts only lower-case keys; X-Ray's propagator writes `X-Amzn-Trace-Id`.
    return tuple((key.lower(), value) for key, value in carrier.items())
