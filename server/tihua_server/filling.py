"""Answers of many items: built in turns with other calls, and no larger than a message may be."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import Message

from tihua_server.config import Limits
from tihua_server.errors import TooLarge
from tihua_server.turns import Turns

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_REST_BYTES = 4_096
"""For what is set afterwards: a page token, of 1 100 bytes at most, and timing."""

_FRAME_BYTES = 6
"""For the tag and the length of each message."""

_ENTRY_BYTES = 512
"""For what each answer of several has beside its items: timing, or the error that it is."""

M = TypeVar("M", bound=Message)
T = TypeVar("T")


class MessageRoom:
    """What a message has room for, on which several answers may draw that share it."""

    def __init__(self, limits: Limits, *, answers: int = 0) -> None:
        """Take the bound, and how many answers share the message, if any do."""
        self.max_bytes = limits.max_message_bytes
        self._left_bytes = self.max_bytes - _REST_BYTES - answers * _ENTRY_BYTES

    def take(self, size_bytes: int) -> bool:
        """Take some of it if there is so much; return whether there was."""
        if size_bytes > self._left_bytes:
            return False
        self._left_bytes -= size_bytes
        return True

    def spend(self, size_bytes: int) -> None:
        """Take what is in the message already, even if there is not so much."""
        self._left_bytes -= size_bytes

    def give(self, size_bytes: int) -> None:
        """Give back what was taken or spent."""
        self._left_bytes += size_bytes


async def fill_some(
    answer: Message,
    messages: "RepeatedCompositeFieldContainer[M]",
    values: Sequence[T],
    fill: Callable[[M, T], None],
    room: MessageRoom,
) -> int:
    """Add messages to an answer, as far as there is room; return how many.

    Args:
        answer: with all else that may be large.
        messages: a field of it, empty.
        values: what to make a message of, each.
        fill: makes it.
        room: of the message that it goes into.

    Raises:
        TooLarge: there is no room for the first.
    """
    head_bytes = answer.ByteSize()
    room.spend(head_bytes)
    turns = Turns()
    for value in values:
        message = messages.add()
        fill(message, value)
        size_bytes = message.ByteSize() + _FRAME_BYTES
        if not room.take(size_bytes):
            del messages[-1]
            break
        await turns.pause()
    if values and not messages:
        room.give(head_bytes)
        raise _too_large(0, len(values), room)
    return len(messages)


async def fill_all(
    answer: Message,
    messages: "RepeatedCompositeFieldContainer[M]",
    values: Sequence[T],
    fill: Callable[[M, T], None],
    room: MessageRoom,
) -> None:
    """Do as `fill_some`.

    Raises:
        TooLarge: there is no room for all.
    """
    added = await fill_some(answer, messages, values, fill, room)
    if added < len(values):
        room.give(answer.ByteSize())  # others that share it may have it
        raise _too_large(added, len(values), room)


def _too_large(added: int, wanted: int, room: MessageRoom) -> TooLarge:
    return TooLarge(
        f"the answer has {wanted} items, of which {room.max_bytes} bytes can hold "
        f"{added}: ask for fewer, or for less of each with read_mask",
        reason="ANSWER_TOO_LARGE",
        metadata={
            "items": wanted,
            "items_with_room": added,
            "max_message_bytes": room.max_bytes,
        },
    )
