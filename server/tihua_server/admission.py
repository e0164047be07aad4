"""How much may be under way at once: for tasks that wait in order, and for texts and pictures.

What is larger than its bound passes when it is alone: a bound on many must not become a limit on
one.
"""

import asyncio
from collections import deque

from tihua_server.errors import Overloaded


class Budget:
    """An amount that the tasks of one event loop share; who waits for some is served in order."""

    def __init__(self, limit: int) -> None:
        """Take how much may be held at once; the unit is the caller's."""
        self.limit = limit
        self.held = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    def take_now(self, amount: int) -> bool:
        """Take so much if it is there, and nobody waits who came before; return whether it was."""
        if self._waiting or not self._has(amount):
            return False
        self.held += amount
        return True

    async def take(self, amount: int) -> None:
        """Return when so much was there and is taken. Cancel the call, and nothing is."""
        if self.take_now(amount):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, amount))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._serve()
            else:
                # It was granted in the moment in which the caller gave up.
                self.give(amount)
            raise

    def give(self, amount: int) -> None:
        """Give so much back."""
        self.held -= amount
        self._serve()

    def _has(self, amount: int) -> bool:
        return not self.held or self.held + amount <= self.limit

    def _serve(self) -> None:
        while self._waiting:
            turn, amount = self._waiting[0]
            if not turn.done():
                if not self._has(amount):
                    return
                self.held += amount
                turn.set_result(None)
            self._waiting.popleft()


class Admission:
    """The texts or pictures of one lane that wait or are worked on: so many, and so many bytes."""

    def __init__(self, lane: str, kind: str, *, max_count: int, max_bytes: int) -> None:
        """Take the lane, and `texts` or `pictures`, as messages name them, and the bounds."""
        self._lane = lane
        self._kind = kind
        self._count = Budget(max_count)
        self._bytes = Budget(max_bytes)

    @property
    def held_bytes(self) -> int:
        """Bytes of what was let in."""
        return self._bytes.held

    def enter_now(self, count: int, size_bytes: int) -> None:
        """Let the inputs of a call in, all or none.

        Raises:
            Overloaded: there is no room for them.
        """
        if not self._count.take_now(count):
            raise self._overloaded(self._count, count, self._kind)
        if not self._bytes.take_now(size_bytes):
            self._count.give(count)
            raise self._overloaded(self._bytes, size_bytes, f"bytes of {self._kind}")

    async def enter(self, count: int, size_bytes: int) -> None:
        """Let inputs in as soon as there is room for all of them."""
        await self._count.take(count)
        try:
            await self._bytes.take(size_bytes)
        except asyncio.CancelledError:
            self._count.give(count)
            raise

    def leave(self, count: int, size_bytes: int) -> None:
        """Let so many out."""
        self._count.give(count)
        self._bytes.give(size_bytes)

    def _overloaded(self, budget: Budget, amount: int, unit: str) -> Overloaded:
        return Overloaded(
            f"the {self._lane} lane holds {budget.held} of at most {budget.limit} {unit} "
            f"and has no room for {amount} more; try again later"
        )
