"""How many cores there are to work with."""

import os


def usable_cores() -> int:
    """Return how many cores this process may use, which `taskset` or a cpuset may bound.

    A quota of CPU time, as `docker --cpus` sets it, is not seen here.
    """
    # Only Linux tells.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
