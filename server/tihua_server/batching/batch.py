"""One batch: inputs that are computed together, and the callers who wait for them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from tihua_server.batching.flow import Flow

Input = TypeVar("Input")
Result = TypeVar("Result")


class Batched(NamedTuple, Generic[Result]):
    """A result, and what its batch cost.

    Attributes:
        result: what was computed from the input.
        queue_time_s: from the input's arrival to the start of the batch, in seconds.
        inference_time_s: duration of the batch, in seconds.
        batch_size: number of inputs in the batch.
        due_s: when the input was due, by the batcher's clock.
    """

    result: Result
    queue_time_s: float
    inference_time_s: float
    batch_size: int
    due_s: float


class Group:
    """The inputs of one `Batcher.submit_all`.

    Attributes:
        left: how many of them have no result yet.
    """

    __slots__ = ("left",)

    def __init__(self, inputs: int) -> None:
        self.left = inputs


class Entry(Generic[Input, Result]):
    """An input that is waiting or being computed; compared by identity.

    Attributes:
        value: the input.
        size: its cost, in a unit of its kind, 1 or more.
        arrival_s: when it arrived, by the batcher's clock.
        due_s: when it is due, by the same clock; the earliest goes first.
        group: the inputs it was submitted with; None where that does not matter.
        flow: the flow it belongs to; None where that does not matter.
        has_own_batch: whether it must be computed in a batch of its own.
        future: what the caller awaits. If it is done before the batch is, the caller has gone.
    """

    __slots__ = ("arrival_s", "due_s", "flow", "future", "group", "has_own_batch", "size", "value")

    def __init__(
        self,
        value: Input,
        size: int,
        arrival_s: float,
        *,
        due_s: float | None = None,
        group: Group | None = None,
        flow: Flow | None = None,
        has_own_batch: bool = False,
    ) -> None:
        self.value = value
        self.size = size
        self.arrival_s = arrival_s
        self.due_s = arrival_s if due_s is None else due_s
        self.group = group
        self.flow = flow
        self.has_own_batch = has_own_batch
        self.future: asyncio.Future[Batched[Result]] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        """Raise the error in the caller, if it is still waiting."""
        if not self.future.done():
            self.future.set_exception(error)

    def forget(self) -> None:
        """Drop the result: the caller has gone, or has an error already."""
        if not self.future.cancel() and not self.future.cancelled():
            self.future.exception()  # or asyncio would log it as never retrieved

    def settle(self) -> bool:
        """Record the end; return whether it gave a waiting caller the last result of its group."""
        if self.group is None or self.future.cancelled():
            return False
        self.group.left -= 1
        return self.group.left == 0


class Batch(Generic[Input, Result]):
    """Entries that are computed together; a `Job` that `Workers` run.

    Attributes:
        entries: in the order in which they are computed.
        size: its cost, in the unit of its entries' sizes, padding included.
        inference_time_s: its duration, in seconds; 0 before it has run.
        error: what went wrong; None if nothing did.
    """

    def __init__(
        self,
        entries: Sequence[Entry[Input, Result]],
        size: float,
        run_batch: Callable[[Sequence[Input]], Sequence[Result]],
        when_finished: "Callable[[Batch[Input, Result]], None]",
        clock: Callable[[], float],
    ) -> None:
        """`run_batch` must return one result per entry; `when_finished` is called last."""
        self.entries = entries
        self.size = size
        self.inference_time_s = 0.0
        self.error: Exception | None = None
        self._run_batch = run_batch
        self._when_finished = when_finished
        self._clock = clock
        self._start_s = 0.0
        self._results: Sequence[Result] = ()

    def run(self) -> None:
        """Compute the results; called in one of the model's threads."""
        self._start_s = self._clock()
        try:
            self._results = self._run_batch([entry.value for entry in self.entries])
            if len(self._results) != len(self.entries):
                raise RuntimeError(  # noqa: TRY301  # handed to the callers like any other failure
                    f"run_batch returned {len(self._results)} results for "
                    f"{len(self.entries)} inputs"
                )
        except BaseException as error:  # noqa: BLE001  # the callers must get it, whatever it is
            self.error = _for_callers(error)
        self.inference_time_s = self._clock() - self._start_s

    def finish(self) -> None:
        """Give each caller its result, or all of them the error; called in the event loop."""
        if self.error is not None:
            for entry in self.entries:
                entry.fail(self.error)
        else:
            for entry, result in zip(self.entries, self._results, strict=True):
                if not entry.future.done():
                    entry.future.set_result(
                        Batched(
                            result,
                            self._start_s - entry.arrival_s,
                            self.inference_time_s,
                            len(self.entries),
                            entry.due_s,
                        )
                    )
        # Last, so that a bug there leaves no caller waiting.
        self._when_finished(self)


def _for_callers(error: BaseException) -> Exception:
    """Return the error, or one with it as its cause where a caller could not catch it."""
    # A StopIteration can't be raised in a coroutine, and a Rust library's panic is no Exception.
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    failure = RuntimeError(f"run_batch raised {type(error).__name__}")
    failure.__cause__ = error
    return failure
