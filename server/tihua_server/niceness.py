"""Queries before pictures: threads that compute pictures have a lower priority.

If two threads want the same core, Linux shares it by their niceness; if a core is free, nothing
changes. ViT-B-16 in bf16 on two cores of an EPYC (Zen 4), while 16 callers send pictures: a query
every 0.1 s takes 25 ms (19 of 20 within 35 ms) instead of 34 (55); without pictures 10.
`SCHED_IDLE` gave 15 ms (27), but would leave pictures nothing beside any busy program; 10 steps
leave them a tenth of a core.
"""

import os
import sys
import threading

import structlog

STEPS = 10
"""Steps of niceness; each takes about a fifth of a thread's weight (nice(7))."""

MAX_NICENESS = 19
"""Linux' upper bound."""

_log = structlog.get_logger("tihua")


def lower_priority() -> None:
    """Lower the priority of the calling thread, and of all threads that it starts later.

    Only on Linux: elsewhere niceness belongs to the whole process, and queries would suffer too.
    Where it is forbidden, for example by a system call filter, the thread keeps its priority.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        try:
            niceness = os.getpriority(os.PRIO_PROCESS, thread) + STEPS
            os.setpriority(os.PRIO_PROCESS, thread, min(niceness, MAX_NICENESS))
        except OSError as error:
            _log.info("pictures keep the priority of queries", reason=error.strerror)
