"""A model for tests of the batcher: squares integers, with helpers to submit them."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from clock import Clock
from tihua_server.batching.batch import Batched
from tihua_server.batching.batcher import Batcher
from tihua_server.batching.lane import Lane


class Squares:
    """Squares numbers, records its batches, and can be held up in the middle of one."""

    def __init__(self) -> None:
        """Let batches pass until `hold` is called."""
        self.batches: list[list[int]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        """Return the squares; a 13 fails."""
        self.batches.append(list(numbers))
        self.has_begun.set()
        assert self.may_go_on.wait(60)
        if 13 in numbers:
            raise ValueError("13 is bad luck")
        return [number * number for number in numbers]

    async def hold(
        self, batcher: Batcher[int, int], lane: Lane = Lane.INTERACTIVE
    ) -> "asyncio.Task[Batched[int]]":
        """Keep the batcher busy with a 0, so that later submissions have to wait."""
        self.may_go_on.clear()
        self.has_begun.clear()
        task = asyncio.create_task(batcher.submit(0, lane=lane))
        assert await asyncio.to_thread(self.has_begun.wait, 60)
        self.batches.clear()
        return task


def slowed(squares: Squares, clock: Clock, input_s: float) -> Callable[[Sequence[int]], list[int]]:
    """Return a function that squares numbers and advances the clock by `input_s` for each."""

    def slow(numbers: Sequence[int]) -> list[int]:
        clock.now_s += input_s * len(numbers)
        return squares(numbers)

    return slow


async def submit_all(
    batcher: Batcher[int, int], numbers: Sequence[int], lane: Lane = Lane.INTERACTIVE
) -> "list[asyncio.Task[Batched[int]]]":
    """Submit numbers; return their tasks once all are queued."""
    size = batcher.queue_size(lane)
    tasks = [asyncio.create_task(batcher.submit(number, lane=lane)) for number in numbers]
    while batcher.queue_size(lane) < size + len(numbers):
        await asyncio.sleep(0)
    return tasks
