"""Calls that are repeated while a part is down: what a test asks must not fail for that."""

import time
from collections.abc import Callable
from typing import TypeVar

import grpc

T = TypeVar("T")

PATIENCE_S = 180.0
"""How long to bear a server that does not come back, or a machine that is busy with others."""

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
"""Of a bare channel: it repeats nothing by itself, and finds a restarted server soon."""


def patiently(call: Callable[[], T]) -> T:
    """Return what a call returns, once it does.

    Raises:
        grpc.RpcError: it failed for good, or for too long.
    """
    give_up_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() not in PASSING or time.monotonic() > give_up_s:
                raise
            time.sleep(PAUSE_S)
