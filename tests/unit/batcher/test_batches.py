"""Which inputs become one batch, and in which order."""

import asyncio

from clock import Clock
from squares import Squares, slowed, submit_all
from tihua_server.batching.batcher import Batcher
from tihua_server.batching.bound import BULK_BATCH_S, LONE_BULK_BATCH_S, RECENT_S
from tihua_server.batching.lane import Lane
from tihua_server.batching.workers import Workers


async def test_each_caller_gets_its_own_result(batcher: Batcher[int, int]) -> None:
    """Results come back in the order of the inputs, whatever the batches."""
    results = await asyncio.gather(*(batcher.submit(number) for number in range(6)))
    assert [result.result for result in results] == [0, 1, 4, 9, 16, 25]


async def test_what_waits_while_the_model_is_busy_becomes_one_batch(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """A batch closes when it is full; the rest is the next."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 2, 3, 4, 5])
    squares.may_go_on.set()
    await asyncio.gather(held, *tasks)
    assert squares.batches == [[1, 2, 3, 4], [5]]


async def test_an_input_may_have_a_batch_of_its_own(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """It waits for those before it and shares no batch, whether it is first or not."""
    held = await squares.hold(batcher)
    alone = [asyncio.create_task(batcher.submit(number, alone=True)) for number in (1, 2)]
    await asyncio.sleep(0)
    tasks = await submit_all(batcher, [3])
    alone.append(asyncio.create_task(batcher.submit(4, alone=True)))
    await asyncio.sleep(0)
    tasks += await submit_all(batcher, [5])
    squares.may_go_on.set()
    await asyncio.gather(held, *tasks, *alone)
    assert squares.batches == [[1], [2], [3, 5], [4]]


async def test_a_result_tells_of_its_batch(batcher: Batcher[int, int], squares: Squares) -> None:
    """Each result comes with the size of its batch and the times."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 2, 3])
    squares.may_go_on.set()
    result = (await asyncio.gather(held, *tasks))[1]
    assert result.batch_size == 3
    assert result.queue_time_s > 0
    assert result.inference_time_s > 0


async def test_interactive_inputs_go_before_bulk(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """Bulk inputs that arrived earlier still wait."""
    held = await squares.hold(batcher)
    bulk = await submit_all(batcher, [1, 2], Lane.BULK)
    interactive = await submit_all(batcher, [3])
    squares.may_go_on.set()
    await asyncio.gather(held, *bulk, *interactive)
    assert squares.batches == [[3], [1, 2]]


async def test_inputs_of_a_size_are_batched_together(workers: Workers, squares: Squares) -> None:
    """The oldest is taken with inputs that add no padding; the others come next."""
    batcher: Batcher[int, int] = Batcher(
        squares, workers=workers, max_batch_size=4, size_of=lambda size: size or 1
    )
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [50, 5, 52, 6, 51, 7])
    squares.may_go_on.set()
    results = await asyncio.gather(held, *tasks)
    assert [sorted(batch) for batch in squares.batches] == [[50, 51, 52], [5, 6, 7]]
    assert [result.result for result in results[1:]] == [2500, 25, 2704, 36, 2601, 49]


async def test_where_padding_costs_nothing_all_sizes_meet(
    workers: Workers, squares: Squares
) -> None:
    """The oldest still goes first, with the inputs closest to it in size."""
    batcher: Batcher[int, int] = Batcher(
        squares,
        workers=workers,
        max_batch_size=4,
        size_of=lambda size: size or 1,
        padding_cost=0,
    )
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [50, 5, 52, 6, 7])
    squares.may_go_on.set()
    await asyncio.gather(held, *tasks)
    assert [sorted(batch) for batch in squares.batches] == [[6, 7, 50, 52], [5]]


async def test_a_batch_is_not_longer_than_it_may_take(workers: Workers, squares: Squares) -> None:
    """At 10 ms an input, 35 ms have room for three, however many wait."""
    clock = Clock()

    slow = slowed(squares, clock, 0.01)
    batcher: Batcher[int, int] = Batcher(
        slow,
        workers=workers,
        max_batch_size=8,
        max_batch_s=0.035,
        clock=clock,
    )
    for number in range(4):
        await batcher.submit(number)
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, range(1, 9))
    squares.may_go_on.set()
    await asyncio.gather(held, *tasks)
    assert squares.batches == [[1, 2, 3], [4, 5, 6], [7, 8]]


async def test_a_bulk_batch_is_a_short_one(workers: Workers, squares: Squares) -> None:
    """The next query has to wait for it, so it may take less time than a batch of queries."""
    clock = Clock()

    slow = slowed(squares, clock, 0.25 * BULK_BATCH_S)
    batcher: Batcher[int, int] = Batcher(
        slow,
        workers=workers,
        max_batch_size=8,
        max_batch_s=1.6 * BULK_BATCH_S,
        clock=clock,
    )
    for number in range(4):
        await batcher.submit(number)
    held = await squares.hold(batcher)
    bulk = await submit_all(batcher, range(1, 8), Lane.BULK)
    queries = await submit_all(batcher, range(20, 26))
    squares.may_go_on.set()
    await asyncio.gather(held, *bulk, *queries)
    assert squares.batches == [[20, 21, 22, 23, 24, 25], [1, 2, 3, 4], [5, 6, 7]]


async def test_a_bulk_batch_is_longer_where_nobody_asks(workers: Workers, squares: Squares) -> None:
    """The fixed cost of a batch is then paid less often."""
    clock = Clock()

    slow = slowed(squares, clock, 0.25 * BULK_BATCH_S)
    batcher: Batcher[int, int] = Batcher(slow, workers=workers, max_batch_size=99, clock=clock)
    for number in range(4):
        await batcher.submit(number)
    for quiet_s, most in ((0.0, BULK_BATCH_S), (RECENT_S, LONE_BULK_BATCH_S)):
        clock.now_s += quiet_s
        squares.batches.clear()
        await asyncio.gather(*await submit_all(batcher, [2] * 40, Lane.BULK))
        assert max(map(len, squares.batches)) == most / (0.25 * BULK_BATCH_S)
