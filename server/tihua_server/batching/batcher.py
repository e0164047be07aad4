"""Dynamic batching: whatever queues while the model is busy becomes its next batch.

    submit ──> lane ──> batch, as soon as a thread of the model is free ──> each caller's future

As in text-embeddings-inference, no input waits for others that may never arrive: an idle model
takes a lone input at once, and while it is busy the next batch grows with the load. There is one
exception: a batch may wait for the next calls of callers who were just answered (`gathering.py`).

Inputs wait in two lanes, and bulk inputs are taken only when no interactive one waits: if
interactive callers ask for more than the machine can compute, bulk gets nothing. Bulk inputs are
due in order of arrival, the interactive inputs of a caller one after another (`flow.py`). The input
that is due first is always taken; `selection.py` fills the batch and keeps it from delaying what
follows. Where other batches share the processor, a batch is followed by a pause (`pauses.py`). The
lanes are unbounded: their inputs have been admitted (`admission.py`).

The batcher knows nothing of models: it is tested with integers.
"""

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from tihua_server.batching.batch import Batch, Batched, Entry, Group
from tihua_server.batching.bound import BatchBound
from tihua_server.batching.cost import BatchCost
from tihua_server.batching.flow import Flow
from tihua_server.batching.gathering import Gathering
from tihua_server.batching.lane import Lane
from tihua_server.batching.pauses import Pauses
from tihua_server.batching.running import Running
from tihua_server.batching.selection import Selection
from tihua_server.batching.waiting import Waiting
from tihua_server.batching.workers import Urgency, Workers
from tihua_server.errors import Draining

Input = TypeVar("Input")
Result = TypeVar("Result")


class Batcher(Generic[Input, Result]):
    """Runs concurrent inputs in batches, interactive ones first; a `JobSource` for `Workers`.

    Attributes:
        running: the batches that are being computed.
    """

    def __init__(
        self,
        run_batch: Callable[[Sequence[Input]], Sequence[Result]],
        *,
        workers: Workers,
        max_batch_size: int,
        max_batch_s: float = math.inf,
        size_of: Callable[[Input], int] | None = None,
        padding_cost: float = 1.0,
        yields_to: Workers | None = None,
        gathers: bool = False,
        when_computed: Callable[[int, float], None] | None = None,
        when_failed: Callable[[Exception], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Compute batches with `run_batch`, in the threads of `workers`.

        Args:
            run_batch: returns one result per input, in order; called in a thread of `workers`.
            workers: the threads; batchers that share a model share its workers.
            max_batch_size: largest number of inputs in a batch.
            max_batch_s: longest expected duration of a batch of several inputs, in seconds;
                `bound.py` lowers it for bulk.
            size_of: the cost of an input, 1 or more; the inputs of a batch are padded to its
                largest. None if all cost the same.
            padding_cost: the cost of a unit of padding.
            yields_to: while these are busy, each batch is followed by a pause.
            gathers: wait for the next calls of callers who were just answered; for batches with a
                high fixed cost, such as those of texts.
            when_computed: called with (number of inputs, seconds) after each computed batch.
            when_failed: called with the error of each failed batch.
            clock: seconds from any origin.
        """
        self._max_batch_size = max_batch_size
        self._run_batch = run_batch
        self._workers = workers
        self._size_of = size_of
        self._when_computed = when_computed
        self._when_failed = when_failed
        self._clock = clock
        asked = (workers,) if yields_to is None else (workers, yields_to)
        self._bound = BatchBound(max_batch_s, *asked, clock=clock)
        self._cost = BatchCost()
        self._selection: Selection[Input, Result] = Selection(
            self._cost,
            max_batch_size=max_batch_size,
            padding_cost=padding_cost if size_of else None,
        )
        self._waiting: dict[Lane, Waiting[Input, Result]] = {lane: Waiting() for lane in Lane}
        self.running: Running[Input, Result] = Running(clock)
        self._pauses = None if yields_to is None else Pauses(yields_to, workers.wake, clock)
        self._gathering = Gathering(workers.wake, clock) if gathers else None
        self._is_closed = False
        workers.serve(self)

    def close(self) -> None:
        """Stop; every caller who is still waiting gets `Draining`."""
        self._is_closed = True
        if self._gathering:
            self._gathering.close()
        if self._pauses:
            self._pauses.close()
        for waiting in self._waiting.values():
            for entry in waiting.entries:
                entry.fail(Draining())
            waiting.entries.clear()
        self.running.fail_all()

    def queue_size(self, lane: Lane) -> int:
        """Return how many inputs wait in a lane."""
        return len(self._waiting[lane].entries)

    async def submit(
        self,
        value: Input,
        *,
        lane: Lane = Lane.INTERACTIVE,
        flow: Flow | None = None,
        alone: bool = False,
    ) -> Batched[Result]:
        """Return the result of one input; see `submit_all`."""
        [batched] = await self.submit_all((value,), lane=lane, flow=flow, alone=alone)
        return batched

    async def submit_all(
        self,
        values: Sequence[Input],
        *,
        lane: Lane = Lane.INTERACTIVE,
        flow: Flow | None = None,
        alone: bool = False,
    ) -> list[Batched[Result]]:
        """Return the result of each input; if the call is cancelled, waiting inputs are dropped.

        Args:
            values: the inputs.
            lane: the lane in which they wait.
            flow: the flow they belong to; None if they are all of it.
            alone: compute each in a batch of its own.

        Raises:
            Draining: the batcher was closed.
            Exception: what `run_batch` raised for one of them; the others are dropped.
        """
        if self._is_closed:
            raise Draining
        entries: dict[int, Entry[Input, Result]] = {}
        group, flow = Group(len(values)), flow or Flow(len(values))
        sizes = [1 if self._size_of is None else self._size_of(value) for value in values]
        try:
            # By size: inputs that fit into one batch are then due at about the same time.
            for index in sorted(range(len(values)), key=sizes.__getitem__):
                entries[index] = self._put(
                    values[index], sizes[index], lane, group, flow, alone=alone
                )
            if self._gathering and entries and lane is Lane.INTERACTIVE:
                self._gathering.called()
            # In the order of computation, so that a failure is raised at once.
            batched = {index: await entry.future for index, entry in entries.items()}
            return [batched[index] for index in range(len(values))]
        except BaseException:
            for entry in entries.values():
                self._waiting[lane].take_out(entry)
                entry.forget()
            raise

    def urgency(self) -> Urgency | None:
        """Return how urgent the first input of the first lane is; None if it must wait."""
        lane = self._first_lane()
        if lane is None or (self._pauses and self._pauses.is_on(lane)):
            return None
        return lane, self._waiting[lane].entries[0].due_s

    def is_gathering(self) -> bool:
        """Return whether the next interactive batch should wait a moment for more inputs."""
        waiting = self._waiting[Lane.INTERACTIVE]
        return bool(
            self._gathering
            and waiting.entries
            and waiting.count_due(self._clock()) < self._max_batch_size
            and self._gathering.is_on()
        )

    def next_job(self) -> Batch[Input, Result] | None:
        """Remove and return the next batch; None if all callers have gone, or after a bug."""
        lane = self._first_lane()
        if lane is None:
            return None
        waiting = self._waiting[lane]
        waiting.drop_cancelled()
        if not waiting.entries:
            return None
        max_s = self._bound.seconds(lane)
        try:
            entries, size = self._selection.choose(waiting.entries, max_s, self._clock())
            note = functools.partial(self._note, lane)
            batch = Batch(entries, size, self._run_batch, note, self._clock)
        except Exception as error:  # noqa: BLE001  # for the callers, not for the workers
            # Which entry is at fault is unknown. The first gets the error, and the next try goes
            # without it: so no caller waits forever, whatever is wrong.
            waiting.entries.pop(0).fail(error)
            return None
        for entry in entries:
            waiting.take_out(entry)
        self.running.begin(batch)
        return batch

    def _first_lane(self) -> Lane | None:
        return next((lane for lane in Lane if self._waiting[lane].entries), None)

    def _put(
        self, value: Input, size: int, lane: Lane, group: Group, flow: Flow, *, alone: bool
    ) -> Entry[Input, Result]:
        """Add an input to its lane; return its entry."""
        now_s = due_s = self._clock()
        if lane is Lane.INTERACTIVE:
            # The other threads compute as much in that time.
            takes_s = self._cost.of_input(size) / self._workers.count
            due_s = flow.schedule(self, now_s, takes_s)
            self._workers.last_interactive_s = now_s
        entry = Entry[Input, Result](
            value, size, now_s, due_s=due_s, group=group, flow=flow, has_own_batch=alone
        )
        self._waiting[lane].put(entry)
        self._workers.wake()
        return entry

    def _note(self, lane: Lane, batch: Batch[Input, Result]) -> None:
        self.running.end(batch)
        if self._gathering and lane is Lane.INTERACTIVE:
            answered = sum(entry.settle() for entry in batch.entries)
            is_alone = not self._waiting[Lane.INTERACTIVE].entries
            self._gathering.begin(answered, is_alone=is_alone, took_s=batch.inference_time_s)
        if self._pauses:
            self._pauses.begin(lane, batch.inference_time_s)
        if batch.error is None:
            self._cost.learn(batch.size, batch.inference_time_s)
            if self._when_computed is not None:
                self._when_computed(len(batch.entries), batch.inference_time_s)
        elif self._when_failed is not None:
            self._when_failed(batch.error)
