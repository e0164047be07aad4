"""Retries calls while a part is down, so that the checks of the soak don't fail for that."""

import time
from collections.abc import Callable
from typing import TypeVar

import grpc

T = TypeVar("T")

PATIENCE_S = 180.0
"""How long to wait for a server to come back, also on a busy machine."""

PAUSE_S = 0.1

PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)
"""Statuses after which the same call may succeed."""

OPTIONS = (("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 500))
"""Options of a bare channel: no retries, and a quick reconnect to a restarted server."""


def patiently(call: Callable[[], T]) -> T:
    """Retry a call until it succeeds; return its result.

    Raises:
        grpc.RpcError: a status that is not in `PASSING`, or `PATIENCE_S` have passed.
    """
    give_up_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() not in PASSING or time.monotonic() > give_up_s:
                raise
            time.sleep(PAUSE_S)
