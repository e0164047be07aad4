"""Messages of many items, filled without blocking the event loop."""

import pytest
from other_task import other_task
from tihua.v1 import collection_service_pb2 as pb
from tihua_server.config import Limits
from tihua_server.errors import TooLarge
from tihua_server.item import Item
from tihua_server.rpc.answers import fill_item
from tihua_server.rpc.filling import MessageRoom, fill_all, fill_some

LARGE = Item("a", None, metadata={"numbers": [1] * 10_000})
"""Takes some milliseconds to fill, and 110 kB."""


async def test_others_have_their_turn_while_an_answer_is_made() -> None:
    """Others do not wait for an answer that takes a second or so."""
    answer = pb.GetItemsResponse()
    async with other_task() as other:
        await fill_all(answer, answer.items, [LARGE] * 100, fill_item, MessageRoom(Limits()))
    assert len(answer.items) == 100
    assert other.turns > 10


async def test_an_answer_has_as_many_items_as_there_is_room_for() -> None:
    """They share the room with what is in it already; without room for one, it is refused."""
    limits = Limits(max_message_bytes=1_000_000)
    full, half_full = pb.GetItemsResponse(), pb.GetItemsResponse(missing_ids=["x" * 500_000])
    for answer, fits in ((full, 9), (half_full, 4)):
        room = MessageRoom(limits)
        assert await fill_some(answer, answer.items, [LARGE] * 20, fill_item, room) == fits
        assert answer.ByteSize() < limits.max_message_bytes
    with pytest.raises(TooLarge, match="100000 bytes can hold 0"):
        small = pb.GetItemsResponse()
        room = MessageRoom(Limits(max_message_bytes=100_000))
        await fill_some(small, small.items, [LARGE], fill_item, room)
    none = pb.GetItemsResponse()
    assert await fill_some(none, none.items, [], fill_item, MessageRoom(limits)) == 0


async def test_answers_that_share_a_message_share_its_room() -> None:
    """An answer that does not fit leaves its share to the others."""
    room = MessageRoom(Limits(max_message_bytes=1_000_000), answers=4)
    for items, fits in ((5, True), (5, False), (4, True), (1, False)):
        answer = pb.GetItemsResponse()
        filling = fill_all(answer, answer.items, [LARGE] * items, fill_item, room)
        if fits:
            await filling
        else:
            with pytest.raises(TooLarge):
                await filling


async def test_an_answer_that_is_refused_leaves_all_of_its_room() -> None:
    """This includes what was in it already; here there is no room for a single item beside that."""
    room = MessageRoom(Limits(max_message_bytes=1_000_000))
    headed = pb.GetItemsResponse(missing_ids=["x" * 900_000])
    with pytest.raises(TooLarge, match="can hold 0"):
        await fill_all(headed, headed.items, [LARGE], fill_item, room)
    answer = pb.GetItemsResponse()
    await fill_all(answer, answer.items, [LARGE] * 8, fill_item, room)
