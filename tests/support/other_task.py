"""A task beside the one under test, which counts how often the event loop lets it run."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class OtherTask:
    """Runs whenever it can.

    Attributes:
        turns: how often it has run.
    """

    def __init__(self) -> None:
        self.turns = 0

    async def run(self) -> None:
        """Take one turn after another, until cancelled."""
        while True:
            self.turns += 1
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def other_task() -> AsyncIterator[OtherTask]:
    """Run another task within the context."""
    other = OtherTask()
    task = asyncio.create_task(other.run())
    try:
        yield other
    finally:
        task.cancel()
