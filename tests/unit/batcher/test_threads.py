"""Batchers and the threads that they share."""

import asyncio
import threading
import weakref
from collections.abc import Sequence

import pytest
from clock import Clock
from squares import Squares, slowed, submit_all
from tihua_server.batching.batch import Batched
from tihua_server.batching.batcher import Batcher
from tihua_server.batching.bound import BULK_BATCH_S, LONE_BULK_BATCH_S
from tihua_server.batching.lane import Lane
from tihua_server.batching.workers import Workers


async def test_several_threads_compute_several_batches_at_once(squares: Squares) -> None:
    """The second batch begins while the first is being computed."""
    together = threading.Barrier(2, timeout=10)

    def meet(numbers: Sequence[int]) -> list[int]:
        together.wait()
        return squares(numbers)

    workers = Workers(2, "test")
    batcher: Batcher[int, int] = Batcher(meet, workers=workers, max_batch_size=1)
    results = await asyncio.gather(batcher.submit(2), batcher.submit(3))
    assert [result.result for result in results] == [4, 9]
    batcher.close()
    workers.close()


async def test_every_thread_begins_as_it_is_told(squares: Squares) -> None:
    """`when_begun` runs in the thread itself, whose priority it may change, for example."""
    begun: list[str] = []
    workers = Workers(2, "test", when_begun=lambda: begun.append(threading.current_thread().name))
    batcher: Batcher[int, int] = Batcher(squares, workers=workers, max_batch_size=1)
    assert (await batcher.submit(2)).result == 4
    batcher.close()
    workers.close()
    assert sorted(begun) == ["test 0", "test 1"]


class Picture:
    """An input that can be referenced weakly."""


async def test_a_thread_without_work_keeps_nothing_of_its_last(workers: Workers) -> None:
    """Otherwise idle threads would each hold a file that no bound counts any more."""
    batcher: Batcher[Picture, None] = Batcher(
        lambda pictures: [None for _ in pictures], workers=workers, max_batch_size=4
    )
    picture = Picture()
    is_held = weakref.ref(picture)
    await batcher.submit(picture)
    del picture
    async with asyncio.timeout(10):
        while is_held():
            await asyncio.sleep(0)
    batcher.close()


async def test_batchers_of_one_thread_take_the_most_urgent_first(
    batcher: Batcher[int, int], workers: Workers, squares: Squares
) -> None:
    """An interactive input of one goes before earlier bulk of the other."""
    other: Batcher[int, int] = Batcher(squares, workers=workers, max_batch_size=4)
    held = await squares.hold(batcher)
    bulk = await submit_all(batcher, [1], Lane.BULK)
    interactive = await submit_all(other, [2])
    squares.may_go_on.set()
    await asyncio.gather(held, *bulk, *interactive)
    assert squares.batches == [[2], [1]]


async def test_pictures_stay_in_long_batches_beside_texts_that_do_not_wait_for_them(
    squares: Squares,
) -> None:
    """Searches by text do not slow down an ingestion of pictures."""
    images, texts = Workers(1, "image"), Workers(1, "text")
    clock = Clock()
    slow = slowed(squares, clock, BULK_BATCH_S / 4)
    pictures: Batcher[int, int] = Batcher(slow, workers=images, max_batch_size=99, clock=clock)
    queries: Batcher[int, int] = Batcher(
        slow, workers=texts, max_batch_size=99, yields_to=images, clock=clock
    )
    for number in range(4):
        await pictures.submit(number, lane=Lane.BULK)
    await queries.submit(1)
    squares.batches.clear()
    await asyncio.gather(*await submit_all(pictures, [2] * 40, Lane.BULK))
    assert max(map(len, squares.batches)) == LONE_BULK_BATCH_S / (BULK_BATCH_S / 4)
    for workers in (images, texts):
        workers.close()


class Queries:
    """Takes 10 ms by the clock for a batch, and records what it computed."""

    def __init__(self, clock: Clock, beside: Workers) -> None:
        """Compute beside the threads of another batcher."""
        self.computed: list[int] = []
        self._clock = clock
        self._workers = Workers(1, "queries")
        self.batcher: Batcher[int, int] = Batcher(
            self._compute,
            workers=self._workers,
            max_batch_size=4,
            yields_to=beside,
            clock=clock,
        )

    def _compute(self, numbers: Sequence[int]) -> list[int]:
        self._clock.now_s += 0.01
        self.computed.extend(numbers)
        return list(numbers)

    async def submit(
        self, number: int, lane: Lane = Lane.INTERACTIVE
    ) -> "asyncio.Task[Batched[int]]":
        """Submit a number, and return once it could have been computed."""
        task = asyncio.create_task(self.batcher.submit(number, lane=lane))
        for _ in range(100):
            await asyncio.sleep(0)
        return task

    async def learn_cost(self) -> None:
        """Teach the batcher the cost of a batch; until then a bulk batch has one input."""
        for _ in range(2):
            await self.batcher.submit(0)
        self.computed.clear()

    def close(self) -> None:
        """Stop the thread."""
        self.batcher.close()
        self._workers.close()


@pytest.mark.parametrize(
    ("lane", "beside", "rest_s"),
    [
        (Lane.INTERACTIVE, Lane.INTERACTIVE, 0.005),
        (Lane.INTERACTIVE, Lane.BULK, 0.025),
        (Lane.BULK, Lane.INTERACTIVE, 0.03),
        (Lane.BULK, Lane.BULK, 0.01),
    ],
)
async def test_there_is_a_rest_after_a_batch_while_others_compute(
    lane: Lane,
    beside: Lane,
    rest_s: float,
    batcher: Batcher[int, int],
    workers: Workers,
    squares: Squares,
) -> None:
    """The next input of its lane waits for the end of the rest; longest for bulk beside queries."""
    clock = Clock()
    queries = Queries(clock, workers)
    await queries.learn_cost()
    held = await squares.hold(batcher, beside)
    await queries.batcher.submit(1, lane=lane)
    clock.now_s += rest_s - 0.001
    tasks = [await queries.submit(2, lane)]
    assert queries.computed == [1]
    clock.now_s += 0.002
    tasks.append(await queries.submit(3, lane))
    await asyncio.gather(*tasks)
    assert queries.computed == [1, 2, 3]
    squares.may_go_on.set()
    await held
    queries.close()


async def test_a_query_does_not_wait_for_the_rest_of_bulk(
    batcher: Batcher[int, int], workers: Workers, squares: Squares
) -> None:
    """It still goes before bulk, which goes on resting."""
    queries = Queries(Clock(), workers)
    held = await squares.hold(batcher)
    await queries.batcher.submit(1, lane=Lane.BULK)
    bulk = await queries.submit(2, Lane.BULK)
    await queries.batcher.submit(3)
    assert queries.computed == [1, 3]
    squares.may_go_on.set()
    await asyncio.gather(held, bulk)
    assert queries.computed == [1, 3, 2]
    queries.close()


async def test_the_rest_is_over_when_the_others_are_done(
    batcher: Batcher[int, int], workers: Workers, squares: Squares
) -> None:
    """A waiting query is computed at once, although the clock stands still."""
    queries = Queries(Clock(), workers)
    held = await squares.hold(batcher, Lane.BULK)
    await queries.batcher.submit(1)
    second = await queries.submit(2)
    assert queries.computed == [1]
    squares.may_go_on.set()
    await asyncio.gather(held, second)
    assert queries.computed == [1, 2]
    queries.close()
