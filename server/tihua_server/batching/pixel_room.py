"""Bounds the pixels of pictures that are being decoded; pictures wait here for room.

    a thread has inspected a picture ──> take_now: it decodes at once
                                    └──> no room: run, which waits here, and holds no thread

Pixels are reserved together with a thread: a picture that holds pixels is being decoded, and one
that waits for pixels blocks no thread. So an interactive picture waits only for the decoding that
is running and, now and then, for one bulk picture whose turn has come (`PATIENCE`).

A picture that is larger than the bound is decoded alone.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from tihua_server.batching.batch import Batch, Entry
from tihua_server.batching.lane import Lane
from tihua_server.batching.waiting import Waiting
from tihua_server.batching.workers import Urgency, Workers
from tihua_server.errors import Draining

T = TypeVar("T")

PATIENCE = 4
"""Interactive pictures may take this many times the bound in total while the same bulk picture
waits; then that one is next. Otherwise a large one would wait as long as small ones overlap."""

_Decode = Callable[[], Any]


class PixelRoom:
    """Reserves pixels, for interactive pictures first; a `JobSource` for `Workers`."""

    def __init__(self, limit: int, workers: Workers) -> None:
        """Allow `limit` pixels to be decoded at once, in the threads of `workers`."""
        self._limit = limit
        self._workers = workers
        self._held = 0
        self._overtaken = 0
        self._waiting: dict[Lane, Waiting[_Decode, Any]] = {lane: Waiting() for lane in Lane}
        self._running: set[Batch[_Decode, Any]] = set()
        self._is_closed = False
        # Threads reserve and release pixels; entries are added and removed only in the event loop,
        # and read by both.
        self._lock = threading.Lock()
        workers.serve(self)

    def take_now(self, pixels: int, lane: Lane) -> bool:
        """Reserve pixels if there are enough and nobody goes first; return whether it did.

        Called in a thread of the workers, which decodes the picture and gives the pixels back.
        """
        with self._lock:
            if self._must_wait(lane) or not self._has(pixels):
                return False
            self._take(pixels, lane)
            return True

    def give(self, pixels: int) -> None:
        """Release pixels within a job; when that has finished, `Workers` looks for the next one."""
        with self._lock:
            self._held -= pixels

    async def run(self, job: Callable[[], T], pixels: int, lane: Lane, due_s: float) -> T:
        """Run a job in a thread as soon as there is room, and return its result.

        Within a lane, the picture that is due first goes first. A call that is cancelled stops
        waiting.

        Raises:
            Draining: the room was closed.
            Exception: what the job raised.
        """
        if self._is_closed:
            raise Draining
        entry: Entry[_Decode, T] = Entry(job, pixels, time.perf_counter(), due_s=due_s)
        with self._lock:
            self._waiting[lane].put(entry)
        self._workers.wake()
        try:
            return (await entry.future).result
        except asyncio.CancelledError:
            with self._lock:
                self._waiting[lane].take_out(entry)
            entry.forget()
            self._workers.wake()  # the ones behind it may have waited only for it
            raise

    def close(self) -> None:
        """Stop; every caller who is still waiting gets `Draining`."""
        self._is_closed = True
        with self._lock:
            entries = [entry for waiting in self._waiting.values() for entry in waiting.entries]
            for waiting in self._waiting.values():
                waiting.entries.clear()
        for batch in self._running:
            entries += batch.entries
        for entry in entries:
            entry.fail(Draining())

    def urgency(self) -> Urgency | None:
        """Return how urgent the next picture is; None if there is none, or no room for it."""
        with self._lock:
            goes_next = self._next()
            if goes_next is None or not self._has(goes_next[1].size):
                return None
            lane = Lane.INTERACTIVE if self._is_bulks_turn() else goes_next[0]
        return lane, goes_next[1].due_s

    def is_gathering(self) -> bool:
        """Return False: pictures are decoded one by one."""
        return False

    def next_job(self) -> Batch[_Decode, Any] | None:
        """Remove the next picture and reserve its pixels; None if a thread took those meanwhile."""
        with self._lock:
            goes_next = self._next()
            if goes_next is None or not self._has(goes_next[1].size):
                return None
            lane, entry = goes_next
            self._waiting[lane].take_out(entry)
            self._take(entry.size, lane)
        run = partial(self._run, entry.size)
        batch = Batch([entry], entry.size, run, self._running.discard, time.perf_counter)
        self._running.add(batch)
        return batch

    def _run(self, pixels: int, jobs: Sequence[_Decode]) -> list[Any]:
        try:
            return [job() for job in jobs]
        finally:
            self.give(pixels)

    def _next(self) -> tuple[Lane, Entry[_Decode, Any]] | None:
        lanes = [Lane.INTERACTIVE, Lane.BULK]
        for lane in reversed(lanes) if self._is_bulks_turn() else lanes:
            if waiting := self._waiting[lane].entries:
                return lane, waiting[0]
        return None

    def _must_wait(self, lane: Lane) -> bool:
        if self._waiting[Lane.INTERACTIVE].entries or self._is_bulks_turn():
            return True
        return lane is Lane.BULK and bool(self._waiting[Lane.BULK].entries)

    def _is_bulks_turn(self) -> bool:
        return bool(self._waiting[Lane.BULK].entries) and self._overtaken >= PATIENCE * self._limit

    def _has(self, pixels: int) -> bool:
        return not self._held or self._held + pixels <= self._limit

    def _take(self, pixels: int, lane: Lane) -> None:
        self._held += pixels
        overtakes = lane is Lane.INTERACTIVE and self._waiting[Lane.BULK].entries
        self._overtaken = self._overtaken + pixels if overtakes else 0
