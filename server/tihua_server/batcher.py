"""Dynamic batching: what waits while the model is busy becomes its next batch.

There is no timer (as in text-embeddings-inference): an idle model takes a lone input at once, a
busy one finds a batch that has grown with the load. Inputs wait in two bounded lanes, and bulk
inputs are taken only when no interactive one waits. Knows nothing of models: it is tested with
integers.

    submit ──> lane ──> batch ──> run_batch, in the executor ──> each caller's future
"""

import asyncio
import enum
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

from tihua_server.errors import Draining, Overloaded

Input = TypeVar("Input")
Result = TypeVar("Result")


class Lane(enum.Enum):
    """Who waits: somebody for an answer, or a stream for its end."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Batched(Generic[Result]):
    """A result, and what its batch cost.

    Attributes:
        result: what `run_batch` returned for the input.
        queue_time_s: from `submit` to the start of the batch, in seconds.
        inference_time_s: the batch itself, in seconds.
        batch_size: inputs in the batch.
    """

    result: Result
    queue_time_s: float
    inference_time_s: float
    batch_size: int


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Input, Result]):
    value: Input
    future: asyncio.Future[Batched[Result]]
    submit_time_s: float


class Batcher(Generic[Input, Result]):
    """Runs concurrent inputs in batches, interactive ones first."""

    def __init__(
        self,
        run_batch: Callable[[Sequence[Input]], Sequence[Result]],
        *,
        executor: Executor,
        max_batch_size: int,
        max_queue_size: int,
    ) -> None:
        """Take the function that computes; call `start` inside the event loop.

        Args:
            run_batch: returns one result per input, in order; called in `executor`.
            executor: where batches run. Batchers that share a model share its one thread.
            max_batch_size: inputs of one batch at most.
            max_queue_size: inputs that may wait in each lane.
        """
        self._run_batch = run_batch
        self._executor = executor
        self.max_batch_size = max_batch_size
        self.max_queue_size = max_queue_size
        self._waiting: dict[Lane, deque[_Entry[Input, Result]]] = {lane: deque() for lane in Lane}
        self._room = {lane: asyncio.Semaphore(max_queue_size) for lane in Lane}
        self._arrival = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run batches."""
        self._task = asyncio.create_task(self._run(), name="batcher")

    async def close(self) -> None:
        """Stop; whoever still waits gets `Draining`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for lane in Lane:
            for entry in self._waiting[lane]:
                if not entry.future.done():
                    entry.future.set_exception(Draining("the server is shutting down"))
            self._waiting[lane].clear()

    def queue_size(self, lane: Lane) -> int:
        """Return how many inputs wait in a lane."""
        return len(self._waiting[lane])

    def refuse_if_full(self, lane: Lane, count: int) -> None:
        """Raise `Overloaded` unless `count` more inputs fit now; spares work done before `submit`.

        More inputs than the lane could ever hold are let through, to fill it as it empties.
        """
        if self.queue_size(lane) + min(count, self.max_queue_size) > self.max_queue_size:
            raise self._overloaded(lane)

    async def submit(
        self, value: Input, *, lane: Lane = Lane.INTERACTIVE, wait: bool = False
    ) -> Batched[Result]:
        """Return the result of one input. Cancel the call, and it is not computed.

        Args:
            value: the input.
            lane: where it waits.
            wait: if the lane is full, wait for room instead of refusing.

        Raises:
            Overloaded: the lane is full.
            Draining: the batcher was closed.
        """
        room = self._room[lane]
        if room.locked() and not wait:
            raise self._overloaded(lane)
        await room.acquire()
        entry = _Entry(
            value=value,
            future=asyncio.get_running_loop().create_future(),
            submit_time_s=time.perf_counter(),
        )
        self._waiting[lane].append(entry)
        self._arrival.set()
        return await entry.future

    def _overloaded(self, lane: Lane) -> Overloaded:
        return Overloaded(
            f"the {lane.value} lane holds {self.queue_size(lane)} of at most "
            f"{self.max_queue_size} inputs and has no room for more; try again later"
        )

    async def _run(self) -> None:
        while True:
            batch = self._next_batch()
            if batch:
                await self._compute(batch)
            else:
                self._arrival.clear()
                await self._arrival.wait()

    def _next_batch(self) -> list[_Entry[Input, Result]]:
        for lane in Lane:
            batch: list[_Entry[Input, Result]] = []
            waiting = self._waiting[lane]
            while waiting and len(batch) < self.max_batch_size:
                entry = waiting.popleft()
                self._room[lane].release()
                # A future is already done when its caller hung up: nobody reads that result.
                if not entry.future.done():
                    batch.append(entry)
            if batch:
                return batch
        return []

    async def _compute(self, batch: list[_Entry[Input, Result]]) -> None:
        start_time_s = time.perf_counter()
        try:
            results = await asyncio.get_running_loop().run_in_executor(
                self._executor, self._run_batch, [entry.value for entry in batch]
            )
            if len(results) != len(batch):
                raise RuntimeError(  # noqa: TRY301  # handed to the callers like any other failure
                    f"run_batch returned {len(results)} results for {len(batch)} inputs"
                )
        except asyncio.CancelledError:
            for entry in batch:
                if not entry.future.done():
                    entry.future.set_exception(Draining("the server is shutting down"))
            raise
        except Exception as error:  # noqa: BLE001  # those who wait must hear of it, whatever it is
            for entry in batch:
                if not entry.future.done():
                    entry.future.set_exception(error)
            return
        inference_time_s = time.perf_counter() - start_time_s
        for entry, result in zip(batch, results, strict=True):
            if not entry.future.done():
                entry.future.set_result(
                    Batched(
                        result=result,
                        queue_time_s=start_time_s - entry.submit_time_s,
                        inference_time_s=inference_time_s,
                        batch_size=len(batch),
                    )
                )
