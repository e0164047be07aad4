"""What may be under way at once: tasks in their order, and pictures."""

import asyncio

import pytest
from tihua_server.batching.admission import Admission, Budget
from tihua_server.errors import Overloaded


async def waiting(budget: Budget, *amounts: int) -> "list[asyncio.Task[None]]":
    """Return tasks that ask for amounts, each in turn."""
    tasks = [asyncio.create_task(budget.take(amount)) for amount in amounts]
    await asyncio.sleep(0)
    return tasks


async def test_who_waits_is_served_in_order() -> None:
    """A small amount does not overtake a large one that came before it."""
    budget = Budget(10)
    await budget.take(8)
    large, small = await waiting(budget, 9, 1)
    assert not budget.take_now(1)
    budget.give(8)
    await large
    await small
    assert budget.held == 10


async def test_more_than_the_limit_passes_alone() -> None:
    """A bound on many is no limit on one."""
    budget = Budget(10)
    assert budget.take_now(25)
    assert not budget.take_now(1)
    budget.give(25)
    assert budget.take_now(1)


async def test_who_gives_up_lets_those_behind_pass() -> None:
    """A caller who left in the queue holds nobody up."""
    budget = Budget(10)
    await budget.take(5)
    large, small = await waiting(budget, 9, 5)
    large.cancel()
    await small
    assert budget.held == 10


async def test_what_is_granted_to_one_who_gives_up_comes_back() -> None:
    """Granted and cancelled in the same moment, nothing is lost."""
    budget = Budget(10)
    await budget.take(10)
    [task] = await waiting(budget, 4)
    budget.give(10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert budget.held == 0


async def test_pictures_enter_all_or_none() -> None:
    """Refused for their bytes, they do not count as pictures either."""
    bulk = Admission("bulk", "pictures", max_count=4, max_bytes=100, max_stream_count=4)
    async with bulk.admit(1, 60):
        with pytest.raises(Overloaded, match="the bulk lane holds 60 of at most 100 bytes"):
            await bulk.admit(3, 60).__aenter__()
        async with bulk.admit(3, 40):
            with pytest.raises(Overloaded, match="holds 4 of at most 4 pictures"):
                await bulk.admit(1, 0).__aenter__()
    assert bulk.held_bytes == 0


@pytest.mark.parametrize(
    ("count", "size_bytes", "held"),
    [(4, 0, "4 of at most 7 pictures"), (1, 400, "400 of at most 700 bytes of pictures")],
)
async def test_large_calls_leave_room_for_others(count: int, size_bytes: int, held: str) -> None:
    """Two of them would fill the lane, and everybody else would be refused."""
    lane = Admission("bulk", "pictures", max_count=8, max_bytes=800, max_stream_count=8)
    async with lane.admit(count, size_bytes, is_large=True):
        with pytest.raises(Overloaded, match=f"holds {held} of large calls and has no room"):
            await lane.admit(count, size_bytes, is_large=True).__aenter__()
        async with lane.admit(count, size_bytes):
            assert lane.held == 2 * count
    async with lane.admit(8, 800, is_large=True):
        assert lane.held == 8


async def staying(admission: Admission, *sizes_bytes: int) -> "list[asyncio.Task[None]]":
    """Return tasks that each let a picture of a stream in, and keep it."""

    async def stay(size_bytes: int) -> None:
        async with admission.admit_when_there_is_room(1, size_bytes):
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(stay(size)) for size in sizes_bytes]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_a_picture_that_gives_up_waiting_for_bytes_leaves_its_place() -> None:
    """It held a place already, and must not keep it."""
    bulk = Admission("bulk", "pictures", max_count=2, max_bytes=100, max_stream_count=2)
    async with bulk.admit(1, 100):
        [task] = await staying(bulk, 50)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with bulk.admit(2, 100):
        assert bulk.held_bytes == 100


@pytest.mark.parametrize(("sizes_bytes", "held_bytes"), [([1] * 9, 3), ([30] * 9, 60)])
async def test_streams_that_wait_leave_room_for_calls(
    sizes_bytes: list[int], held_bytes: int
) -> None:
    """However many of their pictures there are, and of whatever size."""
    bulk = Admission("bulk", "pictures", max_count=4, max_bytes=100, max_stream_count=3)
    tasks = await staying(bulk, *sizes_bytes)
    assert bulk.held_bytes == held_bytes
    for _ in range(3):
        async with bulk.admit(1, 10):
            assert bulk.held_bytes == held_bytes + 10
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert bulk.held_bytes == 0
