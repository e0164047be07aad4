"""Long work on the event loop that yields regularly, so that other tasks get their turn."""

import asyncio
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TypeVar

TURN_S = 0.005
"""How long other tasks wait at most, in seconds, unless a single step takes longer."""

S = TypeVar("S")
T = TypeVar("T")


class Turns:
    """Long work of short steps, with a `pause` after each."""

    def __init__(self) -> None:
        """Begin the first turn now."""
        self._since_s = perf_counter()

    async def pause(self) -> None:
        """Yield to the event loop if 5 ms have passed since the last time; else return at once."""
        if perf_counter() - self._since_s > TURN_S:
            await asyncio.sleep(0)
            self._since_s = perf_counter()


async def in_turns(function: Callable[[S], T], values: Iterable[S]) -> list[T]:
    """Return the function's result for each value, with a pause after each."""
    turns = Turns()
    results = []
    for value in values:
        results.append(function(value))
        await turns.pause()
    return results
