"""Admission control: bounds on how much may be in progress at once.

A single input that is larger than a bound is admitted when it is alone: a bound on the total must
not become a limit on one input.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from tihua_server.errors import Overloaded

LARGE_SHARE = 7 / 8
"""The share of a lane that large calls may hold together; ingest streams likewise."""


class Budget:
    """A bounded amount that the tasks of one event loop share; waiters are served in order."""

    def __init__(self, limit: int) -> None:
        """Set how much may be held at once, in a unit of the caller's choice."""
        self.limit = limit
        self.held = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    def take_now(self, amount: int) -> bool:
        """Reserve `amount` if it is available; return whether it was."""
        if not self.has_room(amount):
            return False
        self.held += amount
        return True

    def has_room(self, amount: int) -> bool:
        """Return whether `amount` is available and nobody is waiting already."""
        return not self._waiting and self._has(amount)

    async def take(self, amount: int) -> None:
        """Reserve `amount`, waiting until it is available; nothing is reserved if cancelled."""
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
                # It was granted just as the caller was cancelled.
                self.give(amount)
            raise

    def give(self, amount: int) -> None:
        """Release `amount`."""
        self.held -= amount
        self._serve()

    @contextlib.asynccontextmanager
    async def reserved(self, amount: int) -> AsyncIterator[None]:
        """Wait for `amount`, and hold it until the context is left."""
        await self.take(amount)
        try:
            yield
        finally:
            self.give(amount)

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
    """A bound on the number of inputs, and one on their bytes."""

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self.count = Budget(max_count)
        self.bytes = Budget(max_bytes)

    @contextlib.asynccontextmanager
    async def reserved(self, count: int, size_bytes: int) -> AsyncIterator[None]:
        """Wait for room, and hold it until the context is left."""
        async with self.count.reserved(count), self.bytes.reserved(size_bytes):
            yield

    def take_now(self, count: int, size_bytes: int) -> None:
        self.count.take_now(count)
        self.bytes.take_now(size_bytes)

    def give(self, count: int, size_bytes: int) -> None:
        self.count.give(count)
        self.bytes.give(size_bytes)


class Admission:
    """The texts or pictures of one lane that are queued or in progress, in number and in bytes.

    Calls are admitted or refused at once; ingest streams wait for room. Some stream is nearly
    always waiting, so streams get only a share of the lane: else no call would be admitted beside
    them. Large calls get a share too: four of 256 inputs would fill the lane and shut out others.
    """

    def __init__(
        self, lane: str, kind: str, *, max_count: int, max_bytes: int, max_stream_count: int
    ) -> None:
        """Set the bounds.

        Args:
            lane: `interactive` or `bulk`, for messages.
            kind: `texts` or `pictures`, for messages.
            max_count: inputs.
            max_bytes: bytes of them.
            max_stream_count: inputs of streams, behind which a call may have to queue.
        """
        self._lane = lane
        self._kind = kind
        self._all = _Room(max_count, max_bytes)
        shared_bytes = int(max_bytes * LARGE_SHARE)
        self._streams = _Room(max_stream_count, shared_bytes)
        self._large = _Room(int(max_count * LARGE_SHARE), shared_bytes)

    @property
    def held(self) -> int:
        """Number of admitted inputs."""
        return self._all.count.held

    @property
    def held_bytes(self) -> int:
        """Bytes of the admitted inputs."""
        return self._all.bytes.held

    @contextlib.asynccontextmanager
    async def admit(
        self, count: int, size_bytes: int, *, is_large: bool = False
    ) -> AsyncIterator[None]:
        """Admit inputs of a call, all or none, until the context is left.

        Args:
            count: how many.
            size_bytes: bytes of them together.
            is_large: whether they are all or some of a large call's.

        Raises:
            Overloaded: there is no room for them.
        """
        rooms = [self._all]
        self._require(self._all, count, size_bytes, "")
        if is_large:
            rooms.append(self._large)
            self._require(self._large, count, size_bytes, " of large calls")
        for room in rooms:
            room.take_now(count, size_bytes)
        try:
            yield
        finally:
            for room in rooms:
                room.give(count, size_bytes)

    @contextlib.asynccontextmanager
    async def admit_when_there_is_room(self, count: int, size_bytes: int) -> AsyncIterator[None]:
        """Wait for room, and admit inputs of an ingest stream until the context is left.

        Args:
            count: how many.
            size_bytes: bytes of them together.
        """
        async with (
            self._streams.reserved(count, size_bytes),
            self._all.reserved(count, size_bytes),
        ):
            yield

    def _require(self, room: _Room, count: int, size_bytes: int, whose: str) -> None:
        for budget, amount, unit in (
            (room.count, count, self._kind),
            (room.bytes, size_bytes, f"bytes of {self._kind}"),
        ):
            if not budget.has_room(amount):
                raise Overloaded(
                    f"the {self._lane} lane holds {budget.held} of at most {budget.limit} "
                    f"{unit}{whose} and has no room for {amount} more; try again later"
                )
