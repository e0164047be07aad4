"""Long work on the event loop, interrupted so that others get their turn."""

import asyncio
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TypeVar

TURN_S = 0.005
"""How long the others wait at most, in seconds, but for one step that takes longer."""

S = TypeVar("S")
T = TypeVar("T")


class Turns:
    """Long work of short steps, after each of which it pauses."""

    def __init__(self) -> None:
        """Begin now."""
        self._since_s = perf_counter()

    async def pause(self) -> None:
        """Give everybody else a turn if the work has gone on for 5 ms; else return at once."""
        if perf_counter() - self._since_s > TURN_S:
            await asyncio.sleep(0)
            self._since_s = perf_counter()


async def in_turns(function: Callable[[S], T], values: Iterable[S]) -> list[T]:
    """Return what a function makes of each value, with a pause after each."""
    turns = Turns()
    results = []
    for value in values:
        results.append(function(value))
        await turns.pause()
    return results
