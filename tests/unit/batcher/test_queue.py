"""The queue of a batcher: room, waiting, leaving and closing."""

import asyncio

import pytest
from squares import Squares, submit_all
from tihua_server.batcher import Batcher
from tihua_server.errors import Draining
from tihua_server.lane import Lane
from tihua_server.workers import Workers


async def test_whoever_waits_for_room_gets_it(batcher: Batcher[int, int], squares: Squares) -> None:
    """A stream slows down instead of failing, and loses nothing."""
    held = await squares.hold(batcher)
    tasks = [asyncio.create_task(batcher.submit(number, lane=Lane.BULK)) for number in range(12)]
    squares.may_go_on.set()
    results = await asyncio.gather(held, *tasks)
    assert [result.result for result in results[1:]] == [number**2 for number in range(12)]


async def test_an_input_without_a_size_takes_no_room(workers: Workers, squares: Squares) -> None:
    """Its caller hears why; the next has the place."""
    batcher: Batcher[int, int] = Batcher(
        squares, workers=workers, max_batch_size=4, max_queue_size=1, size_of=lambda n: 6 // n
    )
    with pytest.raises(ZeroDivisionError):
        await batcher.submit(0)
    assert (await batcher.submit(3)).result == 9


async def test_a_caller_who_hung_up_is_not_computed_for(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """A cancelled input never reaches the model and frees its place."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 2, 3, 4, 5])
    tasks[1].cancel()
    squares.may_go_on.set()
    await asyncio.gather(held, *tasks, return_exceptions=True)
    assert squares.batches == [[1, 3, 4, 5]]


async def test_closing_answers_those_who_wait(batcher: Batcher[int, int], squares: Squares) -> None:
    """Nobody is left hanging."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 2])
    batcher.close()
    squares.may_go_on.set()
    results = await asyncio.gather(held, *tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Draining] * 3
