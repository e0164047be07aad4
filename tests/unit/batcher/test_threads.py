"""Batchers and the threads that they share."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from clock import Clock
from squares import Squares, submit_all
from tihua_server.batcher import Batcher
from tihua_server.lane import Lane
from tihua_server.workers import Workers


async def test_several_threads_compute_several_batches_at_once(squares: Squares) -> None:
    """The second batch begins while the first is being computed."""
    together = threading.Barrier(2, timeout=10)

    def meet(numbers: Sequence[int]) -> list[int]:
        together.wait()
        return squares(numbers)

    workers = Workers(2, "test")
    batcher: Batcher[int, int] = Batcher(meet, workers=workers, max_batch_size=1, max_queue_size=4)
    results = await asyncio.gather(batcher.submit(2), batcher.submit(3))
    assert [result.result for result in results] == [4, 9]
    batcher.close()
    workers.close()


async def test_batchers_of_one_thread_take_the_most_urgent_first(
    batcher: Batcher[int, int], workers: Workers, squares: Squares
) -> None:
    """An interactive input of one goes before bulk of the other that came first."""
    other: Batcher[int, int] = Batcher(squares, workers=workers, max_batch_size=4, max_queue_size=4)
    held = await squares.hold(batcher)
    bulk = await submit_all(batcher, [1], Lane.BULK)
    interactive = await submit_all(other, [2])
    squares.may_go_on.set()
    await asyncio.gather(held, *bulk, *interactive)
    assert squares.batches == [[2], [1]]


@pytest.mark.parametrize("lane", Lane)
async def test_there_is_a_rest_after_a_batch_while_others_compute_bulk(
    lane: Lane, batcher: Batcher[int, int], squares: Squares
) -> None:
    """A second query waits until it was long enough, or until the bulk is done; for bulk alone."""
    clock = Clock()
    queries = Workers(1, "queries")
    computed: list[int] = []

    def query(numbers: Sequence[int]) -> list[int]:
        clock.now_s += 0.01
        computed.extend(numbers)
        return list(numbers)

    resting: Batcher[int, int] = Batcher(
        query,
        workers=queries,
        max_batch_size=4,
        max_queue_size=4,
        yields_to=batcher._workers,
        clock=clock,
    )
    held = await squares.hold(batcher, lane)
    await resting.submit(1)
    second = asyncio.create_task(resting.submit(2))
    if lane is Lane.INTERACTIVE:
        await second
    for _ in range(100):
        await asyncio.sleep(0)
    assert computed == ([1] if lane is Lane.BULK else [1, 2])
    squares.may_go_on.set()
    await asyncio.gather(held, second)
    assert computed == [1, 2]
    resting.close()
    queries.close()
