"""The queue of a batcher: waiting, leaving and closing."""

import asyncio

import pytest
from squares import Squares, submit_all
from tihua_server.batching.batcher import Batcher
from tihua_server.batching.lane import Lane
from tihua_server.batching.workers import Workers
from tihua_server.errors import Draining


async def test_as_much_waits_as_was_admitted(batcher: Batcher[int, int], squares: Squares) -> None:
    """The batcher is unbounded: all inputs wait at once, and none is lost."""
    held = await squares.hold(batcher)
    numbers = range(14, 2_014)
    answering = asyncio.create_task(batcher.submit_all(numbers, lane=Lane.BULK))
    await asyncio.sleep(0)
    assert batcher.queue_size(Lane.BULK) == len(numbers)
    squares.may_go_on.set()
    await held
    assert [each.result for each in await answering] == [number**2 for number in numbers]


async def test_an_input_without_a_size_fails_alone(workers: Workers, squares: Squares) -> None:
    """Its caller gets the error, and the next input is computed."""
    batcher: Batcher[int, int] = Batcher(
        squares, workers=workers, max_batch_size=4, size_of=lambda n: 6 // n
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


async def test_who_left_in_this_turn_of_the_loop_is_not_computed_for(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """A cancelled task has not run yet, and so its input still waits."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 2, 3])
    tasks[1].cancel()
    batch = batcher.next_job()
    assert batch
    assert [entry.value for entry in batch.entries] == [1, 3]
    squares.may_go_on.set()
    batch.run()
    batch.finish()
    await asyncio.gather(held, *tasks, return_exceptions=True)


async def test_a_batch_that_nobody_waits_for_is_none(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """The thread is free for others."""
    held = await squares.hold(batcher)
    [task] = await submit_all(batcher, [1])
    task.cancel()
    assert batcher.next_job() is None
    assert batcher.urgency() is None
    squares.may_go_on.set()
    await asyncio.gather(held, task, return_exceptions=True)
    assert not squares.batches


async def test_closing_answers_those_who_wait(batcher: Batcher[int, int], squares: Squares) -> None:
    """No caller is left waiting."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 2])
    batcher.close()
    squares.may_go_on.set()
    results = await asyncio.gather(held, *tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Draining] * 3
