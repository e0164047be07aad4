"""Long work on the event loop, with turns for others in between."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from time import perf_counter
from typing import TypeVar

TURN_S = 0.005
"""How long the others wait at most, in seconds, but for one value that takes longer."""

T = TypeVar("T")


async def in_turns(values: Iterable[T]) -> AsyncIterator[T]:
    """Yield the values; when the caller has been at them for 5 ms, everybody else gets a turn."""
    since_s = perf_counter()
    for value in values:
        yield value
        if perf_counter() - since_s > TURN_S:
            await asyncio.sleep(0)
            since_s = perf_counter()
