"""How much may be in progress at once: for tasks that wait in order, and for texts and pictures.

A single input that is larger than the bound is let in when it is alone: a bound on many must not
become a limit on one.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from tihua_server.errors import Overloaded

STREAM_SHARE = 7 / 8
"""Of a lane, what ingest streams may hold at most."""


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


class _Room:
    """So many inputs, and so many bytes of them."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self.count = Budget(max_count)
        self.bytes = Budget(max_bytes)

    async def take(self, count: int, size_bytes: int) -> None:
        await self.count.take(count)
        try:
            await self.bytes.take(size_bytes)
        except asyncio.CancelledError:
            self.count.give(count)
            raise

    def give(self, count: int, size_bytes: int) -> None:
        self.count.give(count)
        self.bytes.give(size_bytes)


class Admission:
    """The texts or pictures of one lane that wait or are worked on: so many, and so many bytes.

    Calls are let in or refused at once; ingest streams wait for room, and one of them always does.
    So they get a share of it, or no call would ever be let in beside them.
    """

    def __init__(
        self, lane: str, kind: str, *, max_count: int, max_bytes: int, max_stream_count: int
    ) -> None:
        """Take the lane, and `texts` or `pictures`, as messages name them, and the bounds.

        Args:
            lane: `interactive` or `bulk`.
            kind: `texts` or `pictures`.
            max_count: inputs.
            max_bytes: bytes of them; of streams' at most `STREAM_SHARE`.
            max_stream_count: inputs of streams, which a call finds before it in the lane.
        """
        self._lane = lane
        self._kind = kind
        self._all = _Room(max_count, max_bytes)
        self._streams = _Room(max_stream_count, int(max_bytes * STREAM_SHARE))

    @property
    def held(self) -> int:
        """Inputs that were let in."""
        return self._all.count.held

    @property
    def held_bytes(self) -> int:
        """Bytes of what was let in."""
        return self._all.bytes.held

    @contextlib.asynccontextmanager
    async def admit(
        self, count: int, size_bytes: int, *, wait: bool = False
    ) -> AsyncIterator[None]:
        """Let inputs in, all or none, and out in the end.

        Args:
            count: how many.
            size_bytes: bytes of them together.
            wait: they are a stream's, and wait until there is room.

        Raises:
            Overloaded: there is no room for them, and they do not wait.
        """
        if not wait:
            self._take_now(count, size_bytes)
        else:
            await self._streams.take(count, size_bytes)
            try:
                await self._all.take(count, size_bytes)
            except asyncio.CancelledError:
                self._streams.give(count, size_bytes)
                raise
        try:
            yield
        finally:
            self._all.give(count, size_bytes)
            if wait:
                self._streams.give(count, size_bytes)

    def _take_now(self, count: int, size_bytes: int) -> None:
        if not self._all.count.take_now(count):
            raise self._overloaded(self._all.count, count, self._kind)
        if not self._all.bytes.take_now(size_bytes):
            self._all.count.give(count)
            raise self._overloaded(self._all.bytes, size_bytes, f"bytes of {self._kind}")

    def _overloaded(self, budget: Budget, amount: int, unit: str) -> Overloaded:
        return Overloaded(
            f"the {self._lane} lane holds {budget.held} of at most {budget.limit} {unit} "
            f"and has no room for {amount} more; try again later"
        )
