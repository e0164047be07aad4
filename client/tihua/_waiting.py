"""A wait that Ctrl-C ends."""

import contextlib
from collections.abc import Callable
from typing import TypeVar

_SIGNAL_CHECK_S = 0.2
"""Maximum delay of a KeyboardInterrupt, in seconds."""

_Result = TypeVar("_Result")


def waited(wait: Callable[[float], _Result], is_early: type[Exception]) -> _Result:
    """Return the result of a blocking wait, however long it takes.

    A wait without a timeout may miss Ctrl-C: always on Windows, and elsewhere if another thread
    gets the signal. gRPC polls in the same way.

    Args:
        wait: waits at most the given number of seconds.
        is_early: what it raises when these were too few.
    """
    while True:
        with contextlib.suppress(is_early):
            return wait(_SIGNAL_CHECK_S)
