"""The deadline of the call that a task works for; does not know gRPC."""

import math
import time
from contextvars import ContextVar

_END_S: ContextVar[float] = ContextVar("deadline", default=math.inf)


def set_deadline(left_s: float | None) -> None:
    """Set how long this task's caller will wait, in seconds; None is for ever."""
    _END_S.set(math.inf if left_s is None else time.monotonic() + left_s)


def left_s() -> float:
    """Return the time until the deadline, in seconds: negative past it, inf without one."""
    return _END_S.get() - time.monotonic()
