"""Answers of many items: made in turns with other calls, and no larger than a message may be."""

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

M = TypeVar("M", bound=Message)
T = TypeVar("T")


async def fill_some(
    answer: Message,
    messages: "RepeatedCompositeFieldContainer[M]",
    values: Sequence[T],
    fill: Callable[[M, T], None],
    limits: Limits,
) -> int:
    """Add messages to an answer, as far as there is room; return how many.

    Args:
        answer: with all else that may be large.
        messages: a field of it, empty.
        values: what to make a message of, each.
        fill: makes it.
        limits: of the server.

    Raises:
        TooLarge: there is no room for the first.
    """
    room = limits.max_message_bytes - answer.ByteSize() - _REST_BYTES
    turns = Turns()
    for value in values:
        message = messages.add()
        fill(message, value)
        room -= message.ByteSize() + _FRAME_BYTES
        if room < 0:
            del messages[-1]
            break
        await turns.pause()
    if values and not messages:
        raise _too_large(0, len(values), limits)
    return len(messages)


async def fill_all(
    answer: Message,
    messages: "RepeatedCompositeFieldContainer[M]",
    values: Sequence[T],
    fill: Callable[[M, T], None],
    limits: Limits,
) -> None:
    """Do as `fill_some`.

    Raises:
        TooLarge: there is no room for all.
    """
    added = await fill_some(answer, messages, values, fill, limits)
    if added < len(values):
        raise _too_large(added, len(values), limits)


def _too_large(added: int, wanted: int, limits: Limits) -> TooLarge:
    return TooLarge(
        f"the answer has {wanted} items, and {limits.max_message_bytes} bytes have room for "
        f"{added}: ask for fewer, or for less of each by read_mask",
        reason="ANSWER_TOO_LARGE",
        metadata={
            "items": wanted,
            "items_with_room": added,
            "max_message_bytes": limits.max_message_bytes,
        },
    )
