"""Many calls at once, and how long each took."""

import asyncio
import itertools
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that `percent` of all values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("there is no percentile of no values")
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True)
class Call:
    """When a call began, by `perf_counter`, and how long it took; in seconds."""

    start_s: float
    latency_s: float


@dataclass(frozen=True, slots=True)
class Load:
    """The calls that were made.

    Attributes:
        calls: in the order in which they ended.
        seconds: from the first call's beginning to the last one's end.
    """

    calls: Sequence[Call]
    seconds: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.calls) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the latencies, in milliseconds."""
        return percentile([call.latency_s for call in self.calls], percent) * 1000

    def rate_between(self, start_s: float, end_s: float) -> float:
        """Return the calls a second of those that ended between two moments of `perf_counter`."""
        ends = (call.start_s + call.latency_s for call in self.calls)
        return sum(start_s <= end <= end_s for end in ends) / (end_s - start_s)

    def within(self, start_s: float, end_s: float) -> "Load":
        """Return the calls that began and ended between two moments of `perf_counter`."""
        calls = [
            call
            for call in self.calls
            if start_s <= call.start_s and call.start_s + call.latency_s <= end_s
        ]
        return Load(calls, end_s - start_s)


async def drive(
    call: Callable[[T], Awaitable[object]], inputs: Iterable[T], *, in_flight: int
) -> Load:
    """Make one call for each input, `in_flight` of them at any time, without a pause.

    Raises:
        Exception: the error of the first call that fails; the others are cancelled.
    """
    remaining = iter(inputs)
    calls: list[Call] = []

    async def work() -> None:
        for value in remaining:
            start_s = perf_counter()
            await call(value)
            calls.append(Call(start_s, perf_counter() - start_s))

    start_s = perf_counter()
    tasks = [asyncio.create_task(work()) for _ in range(in_flight)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return Load(calls, perf_counter() - start_s)


def until(stop: asyncio.Event, inputs: Sequence[T]) -> Iterator[T]:
    """Yield the inputs over and over, until `stop` is set."""
    return itertools.takewhile(lambda _: not stop.is_set(), itertools.cycle(inputs))


def lasting(seconds: float, inputs: Sequence[T]) -> Iterator[T]:
    """Yield the inputs over and over, for `seconds` from now."""
    end_s = perf_counter() + seconds
    return itertools.takewhile(lambda _: perf_counter() < end_s, itertools.cycle(inputs))


def repeated(inputs: Sequence[T], count: int) -> Iterator[T]:
    """Yield `count` inputs, starting over as often as needed."""
    return itertools.islice(itertools.cycle(inputs), count)
