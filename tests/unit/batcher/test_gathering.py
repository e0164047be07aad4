"""Whether a batch waits for the callers that the last one answered."""

import asyncio
import math
from collections.abc import Iterator

import pytest
from clock import Clock
from squares import Squares, submit_all
from tihua_server.batching.batcher import Batcher
from tihua_server.batching.gathering import EACH_S, FIRST_S, MAX_SHARE, Gathering
from tihua_server.batching.lane import Lane
from tihua_server.batching.workers import Workers

LONG_S = 1.0


@pytest.fixture
def clock() -> Clock:
    """The clock of the gathering."""
    return Clock()


@pytest.fixture
async def gathering(clock: Clock) -> Gathering:
    """A gathering in which no call has been answered yet."""
    return Gathering(lambda: None, clock)


async def test_all_who_were_answered_are_awaited(gathering: Gathering) -> None:
    """The wait ends when the last of them has called."""
    gathering.begin(3, is_alone=True, took_s=LONG_S)
    for _ in range(3):
        assert gathering.is_on()
        gathering.called()
    assert not gathering.is_on()


async def test_a_lone_caller_waits_for_nobody(gathering: Gathering) -> None:
    """It was just answered, so the next call will be its own."""
    gathering.begin(1, is_alone=True, took_s=LONG_S)
    assert not gathering.is_on()


async def test_two_who_take_turns_meet(gathering: Gathering) -> None:
    """One has been answered, and the other one is already waiting."""
    gathering.begin(1, is_alone=False, took_s=LONG_S)
    assert gathering.is_on()


@pytest.mark.parametrize(
    ("took_s", "wait_s"),
    [(LONG_S, FIRST_S + 4 * EACH_S), (0.001, MAX_SHARE * 0.001)],
    ids=["a slow model", "a quick model"],
)
async def test_the_wait_has_an_end(
    took_s: float, wait_s: float, gathering: Gathering, clock: Clock
) -> None:
    """It lasts as long as four answers and calls travel, or a share of the batch if less."""
    gathering.begin(4, is_alone=True, took_s=took_s)
    clock.now_s += 0.99 * wait_s
    assert gathering.is_on()
    clock.now_s += 0.02 * wait_s
    assert not gathering.is_on()


async def test_those_who_do_not_come_are_not_awaited_again(
    gathering: Gathering, clock: Clock
) -> None:
    """Until at least half of the answered callers call in time; late calls do not count."""
    gathering.begin(4, is_alone=True, took_s=LONG_S)
    gathering.called()
    clock.now_s += LONG_S
    for _ in range(3):
        gathering.called()

    gathering.begin(4, is_alone=True, took_s=LONG_S)
    assert not gathering.is_on()
    gathering.called()
    gathering.called()

    gathering.begin(4, is_alone=True, took_s=LONG_S)
    assert gathering.is_on()


@pytest.fixture
def long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the wait so long that no stall of the machine ends it."""
    monkeypatch.setattr("tihua_server.batching.gathering.FIRST_S", 60.0)
    monkeypatch.setattr("tihua_server.batching.gathering.MAX_SHARE", math.inf)


@pytest.fixture
def gatherer(squares: Squares, workers: Workers) -> Iterator[Batcher[int, int]]:
    """A batcher of up to 4 that waits for callers it has just answered."""
    made: Batcher[int, int] = Batcher(squares, workers=workers, max_batch_size=4, gathers=True)
    yield made
    made.close()


@pytest.mark.usefixtures("long_wait")
async def test_callers_who_never_rest_share_their_batches(
    squares: Squares, gatherer: Batcher[int, int]
) -> None:
    """They do so although they call one by one while the thread is free."""

    async def ask(turns: int) -> None:
        while True:
            for _ in range(turns):
                await asyncio.sleep(0)
            await gatherer.submit(turns)

    callers = [asyncio.create_task(ask(turns)) for turns in range(1, 4)]
    while len(squares.batches) < 20:
        await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    # Without the first batches, in which the callers were not in step yet.
    assert [sorted(batch) for batch in squares.batches[5:15]] == [[1, 2, 3]] * 10


@pytest.mark.usefixtures("long_wait")
async def test_who_fills_a_batch_waits_for_nobody(
    squares: Squares, gatherer: Batcher[int, int]
) -> None:
    """The batch has no room for any caller who is awaited."""
    held = await squares.hold(gatherer)
    tasks = await submit_all(gatherer, [1, 2, 3, 4])
    squares.may_go_on.set()
    async with asyncio.timeout(30):
        await asyncio.gather(held, *tasks)
    assert squares.batches == [[1, 2, 3, 4]]


@pytest.mark.usefixtures("long_wait")
async def test_bulk_does_not_wait_for_those_who_were_answered(
    squares: Squares, gatherer: Batcher[int, int]
) -> None:
    """Until one of them calls, the thread computes bulk."""
    queries = [gatherer.submit(1), gatherer.submit(2)]
    async with asyncio.timeout(30):
        await asyncio.gather(*queries, gatherer.submit(3, lane=Lane.BULK))
    assert squares.batches == [[1, 2], [3]]


@pytest.mark.usefixtures("long_wait")
async def test_bulk_of_another_batcher_does_not_go_before_who_waits(
    squares: Squares, gatherer: Batcher[int, int], batcher: Batcher[int, int]
) -> None:
    """They share the thread, and the awaited callers would have to wait for that batch too."""
    held = await squares.hold(gatherer)
    query = await submit_all(gatherer, [1])
    bulk = await submit_all(batcher, [2], Lane.BULK)
    squares.may_go_on.set()
    await held
    again = await submit_all(gatherer, [0])
    async with asyncio.timeout(30):
        await asyncio.gather(*query, *again, *bulk)
    assert squares.batches == [[1, 0], [2]]


@pytest.mark.usefixtures("long_wait")
async def test_a_caller_who_has_no_answer_yet_is_not_awaited(
    squares: Squares, gatherer: Batcher[int, int]
) -> None:
    """The second half of a call's inputs follows the first half at once."""
    held = await squares.hold(gatherer, Lane.BULK)
    call = asyncio.create_task(gatherer.submit_all([1, 2, 3, 4, 5, 6]))
    while gatherer.queue_size(Lane.INTERACTIVE) < 6:
        await asyncio.sleep(0)
    squares.may_go_on.set()
    async with asyncio.timeout(30):
        await asyncio.gather(held, call)
    assert squares.batches == [[1, 2, 3, 4], [5, 6]]


async def test_whoever_waits_is_not_kept_for_ever(
    squares: Squares, gatherer: Batcher[int, int]
) -> None:
    """One of two callers has been answered and never calls again."""
    held = await squares.hold(gatherer)
    tasks = await submit_all(gatherer, [1])
    squares.may_go_on.set()
    async with asyncio.timeout(30):
        await asyncio.gather(held, *tasks)
    assert squares.batches == [[1]]
