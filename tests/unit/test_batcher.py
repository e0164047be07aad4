"""The batcher, with integers."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import cast

import pytest
from tihua_server.batch import Batched
from tihua_server.batcher import Batcher
from tihua_server.errors import Draining, Overloaded
from tihua_server.lane import Lane
from tihua_server.workers import Workers


class Squares:
    """Squares numbers, remembers its batches, and can be held up in the middle of one."""

    def __init__(self) -> None:
        """Let batches through."""
        self.batches: list[list[int]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        """Return the squares; a 13 fails."""
        self.batches.append(list(numbers))
        self.has_begun.set()
        assert self.may_go_on.wait(10)
        if 13 in numbers:
            raise ValueError("13 is bad luck")
        return [number * number for number in numbers]

    async def hold(self, batcher: Batcher[int, int]) -> "asyncio.Task[Batched[int]]":
        """Keep the batcher busy with a 0, so that what comes next has to wait."""
        self.may_go_on.clear()
        self.has_begun.clear()
        task = asyncio.create_task(batcher.submit(0))
        await asyncio.to_thread(self.has_begun.wait, 10)
        self.batches.clear()
        return task


@pytest.fixture
def squares() -> Squares:
    """The function that is batched."""
    return Squares()


@pytest.fixture
async def workers(squares: Squares) -> AsyncIterator[Workers]:
    """One thread, as for one GPU."""
    made = Workers(1, "test")
    yield made
    squares.may_go_on.set()
    made.close()


@pytest.fixture
def batcher(squares: Squares, workers: Workers) -> Iterator[Batcher[int, int]]:
    """A batcher of up to 4, with room for 6."""
    made: Batcher[int, int] = Batcher(squares, workers=workers, max_batch_size=4, max_queue_size=6)
    yield made
    made.close()


async def submit_all(
    batcher: Batcher[int, int], numbers: Sequence[int], lane: Lane = Lane.INTERACTIVE
) -> "list[asyncio.Task[Batched[int]]]":
    """Submit numbers and return when all of them wait."""
    size = batcher.queue_size(lane)
    tasks = [asyncio.create_task(batcher.submit(number, lane=lane)) for number in numbers]
    while batcher.queue_size(lane) < size + len(numbers):
        await asyncio.sleep(0)
    return tasks


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


async def test_a_result_tells_of_its_batch(batcher: Batcher[int, int], squares: Squares) -> None:
    """The size of the batch and the times are told with each result."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 2, 3])
    squares.may_go_on.set()
    result = (await asyncio.gather(held, *tasks))[1]
    assert result.batch_size == 3
    assert result.queue_time_s > 0
    assert result.inference_time_s > 0


async def test_a_failing_batch_fails_its_inputs_and_no_others(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """The error reaches all who were in the batch; the next batch succeeds."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 2, 3, 13, 5])
    squares.may_go_on.set()
    await held
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results[:4]] == [ValueError] * 4
    assert (await tasks[4]).result == 25


async def test_a_full_queue_refuses(batcher: Batcher[int, int], squares: Squares) -> None:
    """The seventh of six is told when to come back."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, range(6))
    with pytest.raises(Overloaded, match="holds 6 of at most 6") as refused:
        await batcher.submit(7)
    assert refused.value.retry_after_s > 0
    squares.may_go_on.set()
    await asyncio.gather(held, *tasks)


async def test_a_batch_that_does_not_fit_is_refused_before_any_work(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """Room is asked for all inputs of a call at once."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, range(4))
    batcher.refuse_if_full(Lane.INTERACTIVE, 2)
    with pytest.raises(Overloaded):
        batcher.refuse_if_full(Lane.INTERACTIVE, 3)
    squares.may_go_on.set()
    await asyncio.gather(held, *tasks)


async def test_whoever_waits_for_room_gets_it(batcher: Batcher[int, int], squares: Squares) -> None:
    """A stream slows down instead of failing, and loses nothing."""
    held = await squares.hold(batcher)
    tasks = [
        asyncio.create_task(batcher.submit(number, lane=Lane.BULK, wait=True))
        for number in range(12)
    ]
    squares.may_go_on.set()
    results = await asyncio.gather(held, *tasks)
    assert [result.result for result in results[1:]] == [number**2 for number in range(12)]


async def test_interactive_inputs_go_before_bulk(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """Bulk inputs that came first still wait."""
    held = await squares.hold(batcher)
    bulk = await submit_all(batcher, [1, 2], Lane.BULK)
    interactive = await submit_all(batcher, [3])
    squares.may_go_on.set()
    await asyncio.gather(held, *bulk, *interactive)
    assert squares.batches == [[3], [1, 2]]


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


@pytest.mark.parametrize("wrong", [lambda _: [], lambda _: [1, 2]])
async def test_a_wrong_number_of_results_is_an_error(
    workers: Workers, wrong: Callable[[Sequence[int]], list[int]]
) -> None:
    """A model that loses an input must not shift the results of the others."""
    batcher: Batcher[int, int] = Batcher(wrong, workers=workers, max_batch_size=4, max_queue_size=4)
    with pytest.raises(RuntimeError, match="results for 1 inputs"):
        await batcher.submit(1)


async def test_a_batch_that_can_not_be_made_keeps_nobody_waiting(
    workers: Workers, squares: Squares
) -> None:
    """The oldest hear of the bug, one after another, until a batch can be made again."""
    batcher: Batcher[int, int] = Batcher(
        squares,
        workers=workers,
        max_batch_size=4,
        max_queue_size=6,
        size_of=lambda number: cast("int", None) if number == 7 else 1,
    )
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 7, 2, 3])
    squares.may_go_on.set()
    results = await asyncio.gather(held, *tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Batched, TypeError, TypeError, Batched, Batched]
    assert squares.batches == [[2, 3]]
    batcher.refuse_if_full(Lane.INTERACTIVE, 6)


async def test_an_input_without_a_size_takes_no_room(workers: Workers, squares: Squares) -> None:
    """Its caller hears why; the next has the place."""
    batcher: Batcher[int, int] = Batcher(
        squares, workers=workers, max_batch_size=4, max_queue_size=1, size_of=lambda n: 6 // n
    )
    with pytest.raises(ZeroDivisionError):
        await batcher.submit(0)
    assert (await batcher.submit(3)).result == 9


class Panic(BaseException):
    """What a library in Rust raises when it should not: no Exception."""


@pytest.mark.parametrize("kind", [Panic, StopIteration])
async def test_whatever_a_batch_raises_its_callers_can_catch(
    workers: Workers, kind: type[BaseException]
) -> None:
    """And the thread goes on."""

    def fail_once(numbers: Sequence[int]) -> Sequence[int]:
        if numbers[0] == 13:
            raise kind
        return numbers

    batcher: Batcher[int, int] = Batcher(
        fail_once, workers=workers, max_batch_size=4, max_queue_size=6
    )
    with pytest.raises(RuntimeError, match=f"run_batch raised {kind.__name__}"):
        await batcher.submit(13)
    assert (await batcher.submit(2)).result == 2


async def test_who_hears_of_batches_can_not_hold_them_up(
    workers: Workers, squares: Squares
) -> None:
    """A bug there is told to the event loop; callers get their results."""
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: lost.append(told["exception"]))
    batcher: Batcher[int, int] = Batcher(
        squares,
        workers=workers,
        max_batch_size=4,
        max_queue_size=6,
        when_ended=lambda size, seconds: 1 // 0,  # type: ignore[arg-type]
    )
    assert (await batcher.submit(2)).result == 4
    assert (await batcher.submit(3)).result == 9
    assert [type(error) for error in lost] == [ZeroDivisionError] * 2


async def test_inputs_of_a_size_are_batched_together(workers: Workers, squares: Squares) -> None:
    """The oldest is taken, with those that it would not be padded for; the others come next."""
    batcher: Batcher[int, int] = Batcher(
        squares, workers=workers, max_batch_size=4, max_queue_size=9, size_of=lambda size: size or 1
    )
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [50, 5, 52, 6, 51, 7])
    squares.may_go_on.set()
    results = await asyncio.gather(held, *tasks)
    assert [sorted(batch) for batch in squares.batches] == [[50, 51, 52], [5, 6, 7]]
    assert [result.result for result in results[1:]] == [2500, 25, 2704, 36, 2601, 49]


class Clock:
    """Time that passes when told to, in seconds."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.now_s = 12 * 3600.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


async def test_a_batch_is_not_longer_than_it_may_take(workers: Workers, squares: Squares) -> None:
    """At 10 ms an input, 35 ms hold three, however many wait and may be in a batch."""
    clock = Clock()

    def slow(numbers: Sequence[int]) -> list[int]:
        clock.now_s += 0.01 * len(numbers)
        return squares(numbers)

    batcher: Batcher[int, int] = Batcher(
        slow,
        workers=workers,
        max_batch_size=8,
        max_queue_size=16,
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


async def test_bulk_batches_are_smaller_while_queries_arrive(
    workers: Workers, squares: Squares
) -> None:
    """A second after the last query they may take four times as long."""
    clock = Clock()

    def slow(numbers: Sequence[int]) -> list[int]:
        clock.now_s += 0.01 * len(numbers)
        return squares(numbers)

    batcher: Batcher[int, int] = Batcher(
        slow, workers=workers, max_batch_size=8, max_queue_size=16, max_batch_s=0.085, clock=clock
    )
    for number in range(4):
        await batcher.submit(number)
    held = await squares.hold(batcher)
    soon = await submit_all(batcher, range(1, 5), Lane.BULK)
    squares.may_go_on.set()
    await asyncio.gather(held, *soon)
    assert squares.batches == [[1, 2], [3, 4]]
    clock.now_s += 2
    assert (await batcher.submit(7, lane=Lane.BULK)).batch_size == 1
    squares.may_go_on.clear()
    squares.has_begun.clear()
    squares.batches.clear()
    first = asyncio.create_task(batcher.submit(5, lane=Lane.BULK))
    await asyncio.to_thread(squares.has_begun.wait, 10)
    later = await submit_all(batcher, range(1, 9), Lane.BULK)
    squares.may_go_on.set()
    await asyncio.gather(first, *later)
    assert squares.batches == [[5], [1, 2, 3, 4, 5, 6, 7, 8]]


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


async def test_there_is_a_rest_after_a_batch_while_others_compute(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """A second query waits until it was long enough, or until the others have done."""
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
    held = await squares.hold(batcher)
    await resting.submit(1)
    second = asyncio.create_task(resting.submit(2))
    for _ in range(100):
        await asyncio.sleep(0)
    assert computed == [1]
    squares.may_go_on.set()
    await asyncio.gather(held, second)
    assert computed == [1, 2]
    resting.close()
    queries.close()
