"""One batch: inputs that are computed together, and the callers who wait for them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from tihua_server.flow import Flow

Input = TypeVar("Input")
Result = TypeVar("Result")


class Batched(NamedTuple, Generic[Result]):
    """A result, and what its batch cost.

    Attributes:
        result: what was computed of the input.
        queue_time_s: from its arrival to the start of the batch, in seconds.
        inference_time_s: the batch itself, in seconds.
        batch_size: inputs in the batch.
        due_s: when it was due, by the batcher's clock.
    """

    result: Result
    queue_time_s: float
    inference_time_s: float
    batch_size: int
    due_s: float


class Group:
    """Inputs that somebody has brought together.

    Attributes:
        left: how many of them have no result yet.
    """

    __slots__ = ("left",)

    def __init__(self, inputs: int) -> None:
        self.left = inputs


class Entry(Generic[Input, Result]):
    """An input that waits or is being computed; equal to itself alone.

    Attributes:
        value: the input.
        size: what it costs, in a unit of its kind, 1 or more.
        arrival_s: when it came, by the batcher's clock.
        due_s: when it is due, by the same clock; what is due first goes first.
        group: what it came with; None where that does not matter.
        flow: whose it is; None where that does not matter.
        has_own_batch: whether it is to have a batch of its own.
        future: whoever waits for it. Done before the batch is: nobody waits any more.
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
        """Have the caller hear of it, if there still is one."""
        if not self.future.done():
            self.future.set_exception(error)

    def forget(self) -> None:
        """Say that the caller is gone, or has heard enough."""
        if not self.future.cancel() and not self.future.cancelled():
            self.future.exception()  # or asyncio would report an error that nobody heard of

    def settle(self) -> bool:
        """Take note of the end; return whether its caller got it as the last of its group."""
        if self.group is None or self.future.cancelled():
            return False
        self.group.left -= 1
        return self.group.left == 0


class Batch(Generic[Input, Result]):
    """Entries that are computed in one go; a `Job` of `Workers`.

    Attributes:
        entries: in the order in which they are computed.
        size: what it costs, in the unit of its entries' sizes, padding included.
        inference_time_s: how long it took; 0 before it has run.
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
        """Take the entries, what they cost together, and what computes one result for each."""
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
        """Compute, in a thread of the model."""
        self._start_s = self._clock()
        try:
            self._results = self._run_batch([entry.value for entry in self.entries])
            if len(self._results) != len(self.entries):
                raise RuntimeError(  # noqa: TRY301  # handed to the callers like any other failure
                    f"run_batch returned {len(self._results)} results for "
                    f"{len(self.entries)} inputs"
                )
        except BaseException as error:  # noqa: BLE001  # those who wait must hear, whatever it is
            self.error = _for_callers(error)
        self.inference_time_s = self._clock() - self._start_s

    def finish(self) -> None:
        """Give each caller its result, or all of them the error; in the event loop."""
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
        # Last: a bug there must keep nobody waiting.
        self._when_finished(self)


def _for_callers(error: BaseException) -> Exception:
    """Return what a future takes and a caller may catch, the error itself if it is such."""
    # A StopIteration can't be raised in a coroutine, and a Rust library's panic is no Exception.
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    failure = RuntimeError(f"run_batch raised {type(error).__name__}")
    failure.__cause__ = error
    return failure
