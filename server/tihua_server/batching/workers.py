"""Threads that compute, and the choice of the queue that the next free one serves.

    queues ──> a free thread takes the most urgent job ──> job.run, there ──> job.finish, back here

Work waits in queues, where it can be overtaken and dropped, and never in the executor, where it
could be neither. A job is made when a thread is free for it: at once if the thread has just become
free, else at the end of a turn of the event loop, so that it holds whatever has arrived by then.
The most urgent queue may ask to wait a moment (`gathering.py`).
"""

import asyncio
import math
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol, TypeAlias

from tihua_server.batching.lane import Lane

Urgency: TypeAlias = tuple[Lane, float]
"""A job's lane, and when it is due; the smallest goes first."""


class Job(Protocol):
    """A unit of work for a thread."""

    def run(self) -> None:
        """Compute, in a thread; an error is kept for `finish`."""

    def finish(self) -> None:
        """Hand the results out, in the event loop."""


class JobSource(Protocol):
    """A source of jobs. It calls `Workers.wake` whenever its answers change."""

    def urgency(self) -> Urgency | None:
        """Return how urgent its next job is; None if it has none for now."""

    def is_gathering(self) -> bool:
        """Return whether its next job, the most urgent of all, should wait a moment."""

    def next_job(self) -> Job | None:
        """Remove and return the next job; None if there is none, although `urgency` found one."""


class Workers:
    """A number of threads for the queues that share them; belongs to one event loop.

    Attributes:
        count: number of threads.
        last_interactive_s: when the last interactive input was submitted to one of the queues, by
            their clock; set by the queues.

    Plain threads, not a `ThreadPoolExecutor`: its futures would slow down a quick model.
    """

    def __init__(
        self, count: int, name: str, *, when_begun: Callable[[], None] | None = None
    ) -> None:
        """Prepare the threads; they start when there is work.

        Args:
            count: number of threads.
            name: their name in a profile.
            when_begun: called in each of them before its first job.
        """
        self.count = count
        self._idle = count
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._name = name
        self._when_begun = when_begun
        self._threads: list[threading.Thread] = []
        self._queues: list[JobSource] = []
        self._lanes: dict[Job, Lane] = {}
        self._idle_callbacks: list[Callable[[], None]] = []
        self._is_awake = False
        self.last_interactive_s = -math.inf

    @property
    def first_lane(self) -> Lane | None:
        """The lane of the most urgent running job; None if there is none."""
        return min(self._lanes.values(), default=None)

    @property
    def last_lane(self) -> Lane | None:
        """The lane of the least urgent running job; None if there is none."""
        return max(self._lanes.values(), default=None)

    def serve(self, queue: JobSource) -> None:
        """Take jobs from this queue as well."""
        self._queues.append(queue)

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever the last thread has finished and there is nothing more to do."""
        self._idle_callbacks.append(callback)

    def wake(self) -> None:
        """Look for a job when this turn of the event loop is over."""
        if self._idle and not self._is_awake:
            self._is_awake = True
            loop = asyncio.get_running_loop()
            if not self._threads:
                self._start(loop)
            loop.call_soon(self._assign)

    def close(self, timeout_s: float | None = None) -> bool:
        """Wait until no thread computes any more; return whether none does.

        A running job can't be interrupted: after the timeout it continues, and its result is
        dropped.

        Args:
            timeout_s: how long to wait, in seconds; None waits for as long as it takes.
        """
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(None if end_s is None else max(0.0, end_s - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in range(self.count):
            name = f"{self._name} {number}"
            thread = threading.Thread(target=self._work, args=(loop,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _assign(self) -> None:
        self._is_awake = False
        while self._idle and (most_urgent := self._most_urgent()) is not None:
            (lane, _), queue = most_urgent
            if queue.is_gathering():
                break
            if (job := queue.next_job()) is not None:
                self._idle -= 1
                self._lanes[job] = lane
                self._jobs.put(job)

    def _most_urgent(self) -> tuple[Urgency, JobSource] | None:
        best: tuple[Urgency, JobSource] | None = None
        for queue in self._queues:
            urgency = queue.urgency()
            if urgency is not None and (best is None or urgency < best[0]):
                best = urgency, queue
        return best

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._when_begun is not None:
            self._when_begun()
        while (job := self._jobs.get()) is not None:
            job.run()
            try:
                loop.call_soon_threadsafe(self._finish, job)
            except RuntimeError:  # the loop is closed: the server did not wait for this job
                return
            del job  # with its inputs, which an idle thread would keep until its next job

    def _finish(self, job: Job) -> None:
        self._idle += 1
        del self._lanes[job]
        try:
            job.finish()
        finally:
            # Whatever is wrong with this job, others wait for the thread.
            self._assign()
            if not self._lanes:
                for callback in self._idle_callbacks:
                    callback()
