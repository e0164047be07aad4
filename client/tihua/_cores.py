"""The number of CPU cores."""

import os


def usable_cores() -> int:
    """Return the number of cores that this process may use, as limited by `taskset` or a cpuset.

    A quota of CPU time, as set by `docker --cpus`, is not taken into account.
    """
    # Only Linux reports the affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
