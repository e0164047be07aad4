"""Answers of many items, built without blocking other calls and within the size of a message."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import Message

from tihua_server.config import Limits
from tihua_server.errors import TooLarge
from tihua_server.turns import Turns

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_REST_BYTES = 4_096
"""Reserved for fields set afterwards: a page token, of 1 100 bytes at most, and timing."""

_FRAME_BYTES = 6
"""Reserved for the tag and the length of each message."""

_ENTRY_BYTES = 512
"""Reserved for each of several answers, beside its items: timing, or an error instead of them."""

M = TypeVar("M", bound=Message)
T = TypeVar("T")


class MessageRoom:
    """The free bytes of a message, which several answers may share."""

    def __init__(self, limits: Limits, *, answers: int = 0) -> None:
        """Start with a message's limit; `answers` is how many share it, 0 if it is a single one."""
        self.max_bytes = limits.max_message_bytes
        self._left_bytes = self.max_bytes - _REST_BYTES - answers * _ENTRY_BYTES

    def take(self, size_bytes: int) -> bool:
        """Reserve `size_bytes` if they are free; return whether they were."""
        if size_bytes > self._left_bytes:
            return False
        self._left_bytes -= size_bytes
        return True

    def spend(self, size_bytes: int) -> None:
        """Reserve `size_bytes` that are in the message already, even if they are not free."""
        self._left_bytes -= size_bytes

    def give(self, size_bytes: int) -> None:
        """Release bytes that were taken or spent."""
        self._left_bytes += size_bytes


async def fill_some(
    answer: Message,
    messages: "RepeatedCompositeFieldContainer[M]",
    values: Sequence[T],
    fill: Callable[[M, T], None],
    room: MessageRoom,
) -> int:
    """Add messages to an answer while there is room; return how many were added.

    Args:
        answer: with every other field that may be large already set.
        messages: the repeated field to fill, empty.
        values: one per message.
        fill: sets a message from its value.
        room: of the message that contains the answer.

    Raises:
        TooLarge: there is no room even for the first.
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
    """Add all messages to an answer; see `fill_some`.

    Raises:
        TooLarge: there is no room for all.
    """
    added = await fill_some(answer, messages, values, fill, room)
    if added < len(values):
        room.give(answer.ByteSize())  # for the other answers in the message
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
