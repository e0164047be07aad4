"""A call of many inputs lets others overtake it, and gets its share."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from clock import Clock
from squares import Squares, slowed, submit_all
from tihua_server.batching.batch import Batched
from tihua_server.batching.batcher import Batcher
from tihua_server.batching.flow import MAX_LEAD_S, SHARE, Flow
from tihua_server.batching.lane import Lane
from tihua_server.batching.workers import Workers

INPUT_S = 0.02
"""The time that each number takes: two fit into a batch with early inputs of another call."""


@pytest.fixture
def clock() -> Clock:
    """The batcher's clock."""
    return Clock()


@pytest.fixture
def batcher(squares: Squares, workers: Workers, clock: Clock) -> Iterator[Batcher[int, int]]:
    """A batcher of up to 4."""
    slow = slowed(squares, clock, INPUT_S)
    made: Batcher[int, int] = Batcher(slow, workers=workers, max_batch_size=4, clock=clock)
    yield made
    made.close()


async def learn(batcher: Batcher[int, int]) -> None:
    """Teach the batcher what an input takes; the first batch does not count."""
    for number in range(3):
        await batcher.submit(number)


async def call(
    batcher: Batcher[int, int], numbers: Sequence[int], lane: Lane = Lane.INTERACTIVE
) -> "asyncio.Task[list[Batched[int]]]":
    """Submit numbers together and return when all of them wait."""
    size = batcher.queue_size(lane)
    task = asyncio.create_task(batcher.submit_all(numbers, lane=lane))
    while batcher.queue_size(lane) < size + len(numbers):
        await asyncio.sleep(0)
    return task


async def large_then_single(
    batcher: Batcher[int, int], squares: Squares, clock: Clock, *, later_s: float
) -> None:
    """Queue a call of seven, then a single input `later_s` later, and compute them."""
    held = await squares.hold(batcher)
    large = await call(batcher, range(1, 8))
    clock.now_s += later_s
    single = await submit_all(batcher, [9])
    squares.may_go_on.set()
    await asyncio.gather(held, large, *single)


async def test_a_single_input_overtakes_those_of_a_large_call(
    batcher: Batcher[int, int], squares: Squares, clock: Clock
) -> None:
    """It goes after the input that is due, and before all the others."""
    await learn(batcher)
    await large_then_single(batcher, squares, clock, later_s=0.0)
    assert squares.batches == [[1, 9, 2, 3], [4, 5, 6, 7]]


async def test_early_inputs_do_not_make_another_calls_batch_long(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """A caller of a single input would wait for them too; a call waits for its own anyway."""
    await learn(batcher)
    held = await squares.hold(batcher)
    single = await submit_all(batcher, [9])
    large = await call(batcher, range(1, 7))
    squares.may_go_on.set()
    await asyncio.gather(held, large, *single)
    assert squares.batches == [[9, 1, 2], [3, 4, 5, 6]]


async def test_what_is_due_goes_before_early_inputs_of_a_likelier_size(
    workers: Workers, squares: Squares, clock: Clock
) -> None:
    """Otherwise a large call's inputs would fill each batch that its first one is taken for."""
    batcher: Batcher[int, int] = Batcher(
        slowed(squares, clock, 0.05),
        workers=workers,
        max_batch_size=2,
        size_of=lambda size: size or 1,
        clock=clock,
    )
    for _ in range(3):
        await batcher.submit(8)
    held = await squares.hold(batcher)
    large = await call(batcher, [8] * 5)
    clock.now_s += 0.05
    single = await submit_all(batcher, [12])
    squares.may_go_on.set()
    await asyncio.gather(held, large, *single)
    assert squares.batches == [[8, 12], [8, 8], [8, 8]]


async def test_nobody_is_put_off_by_a_batch_that_was_held_up(
    batcher: Batcher[int, int], squares: Squares, clock: Clock
) -> None:
    """One batch that took an hour does not predict the next."""
    await learn(batcher)
    held = await squares.hold(batcher)
    clock.now_s += 3600
    squares.may_go_on.set()
    await held
    await large_then_single(batcher, squares, clock, later_s=3.5 * INPUT_S / SHARE)
    assert squares.batches[0] == [1, 2, 3, 4]


async def test_no_input_is_due_later_than_callers_wait(
    batcher: Batcher[int, int], squares: Squares, clock: Clock
) -> None:
    """This holds whatever its estimated cost."""
    for _ in range(3):
        held = await squares.hold(batcher)
        clock.now_s += 3600
        squares.may_go_on.set()
        await held
    held = await squares.hold(batcher)
    large = await call(batcher, [1, 2, 3, 4])
    clock.now_s += MAX_LEAD_S
    single = await submit_all(batcher, [9])
    squares.may_go_on.set()
    await asyncio.gather(held, large, *single)
    assert squares.batches == [[1, 2, 3, 4], [9]]


async def test_a_failure_is_heard_before_the_rest_is_computed(
    workers: Workers, squares: Squares
) -> None:
    """The smallest are computed first, wherever they stand in the call."""
    batcher: Batcher[int, int] = Batcher(
        squares,
        workers=workers,
        max_batch_size=1,
        size_of=lambda size: 1 if size == 13 else 9,
    )
    with pytest.raises(ValueError, match="13 is bad luck"):
        await batcher.submit_all([5, 6, 7, 13])
    assert squares.batches[0] == [13]
    assert len(squares.batches) <= 2


async def test_a_large_call_keeps_its_share(
    batcher: Batcher[int, int], squares: Squares, clock: Clock
) -> None:
    """An input that arrives when four of its inputs have been due goes after those."""
    await learn(batcher)
    await large_then_single(batcher, squares, clock, later_s=3.5 * INPUT_S / SHARE)
    assert squares.batches == [[1, 2, 3, 4], [9, 5, 6], [7]]


async def test_inputs_of_a_call_take_turns_though_they_come_one_by_one(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """Pictures do so, because each is decoded first."""
    await learn(batcher)
    held = await squares.hold(batcher)
    large = Flow(8)
    pieces = [asyncio.create_task(batcher.submit(number, flow=large)) for number in range(1, 7)]
    await asyncio.sleep(0)
    single = await submit_all(batcher, [9])
    squares.may_go_on.set()
    await asyncio.gather(held, *pieces, *single)
    assert squares.batches[0][:2] == [1, 9]


async def test_bulk_calls_go_one_after_another(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """A stream writes its first batch while the next is computed; interleaving would delay both."""
    await learn(batcher)
    held = await squares.hold(batcher)
    first = await call(batcher, [1, 2, 3, 4], Lane.BULK)
    second = await call(batcher, [5, 6], Lane.BULK)
    squares.may_go_on.set()
    await asyncio.gather(held, first, second)
    assert [number for batch in squares.batches for number in batch] == [1, 2, 3, 4, 5, 6]


async def test_a_calls_inputs_are_due_by_their_size(workers: Workers, squares: Squares) -> None:
    """Inputs of one batch are due together; results come back in the order of the inputs."""
    batcher: Batcher[int, int] = Batcher(
        squares, workers=workers, max_batch_size=2, size_of=lambda size: size or 1
    )
    held = await squares.hold(batcher)
    large = await call(batcher, [50, 5, 51, 6])
    squares.may_go_on.set()
    await held
    assert [result.result for result in await large] == [2500, 25, 2601, 36]
    assert squares.batches == [[5, 6], [50, 51]]
