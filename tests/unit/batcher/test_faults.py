"""Batches that fail, and which callers get the error."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from squares import Squares, submit_all
from tihua_server.batching.batch import Batched
from tihua_server.batching.batcher import Batcher
from tihua_server.batching.workers import Workers


async def test_a_failing_batch_fails_its_inputs_and_no_others(
    batcher: Batcher[int, int], squares: Squares
) -> None:
    """All callers of the batch get the error; the next batch succeeds."""
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 2, 3, 13, 5])
    squares.may_go_on.set()
    await held
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results[:4]] == [ValueError] * 4
    assert (await tasks[4]).result == 25


@pytest.mark.parametrize("wrong", [lambda _: [], lambda _: [1, 2]])
async def test_a_wrong_number_of_results_is_an_error(
    workers: Workers, wrong: Callable[[Sequence[int]], list[int]]
) -> None:
    """A model that loses an input must not shift the results of the others."""
    batcher: Batcher[int, int] = Batcher(wrong, workers=workers, max_batch_size=4)
    with pytest.raises(RuntimeError, match="results for 1 inputs"):
        await batcher.submit(1)


class Incomparable(int):
    """A size that can't be compared with others."""

    def __sub__(self, other: int) -> int:
        """Fail."""
        raise TypeError(f"{self} - {other}")

    __rsub__ = __sub__


async def test_a_batch_that_can_not_be_made_keeps_nobody_waiting(
    workers: Workers, squares: Squares
) -> None:
    """The oldest inputs fail, one after another, until a batch can be made again."""
    batcher: Batcher[int, int] = Batcher(
        squares,
        workers=workers,
        max_batch_size=4,
        size_of=lambda number: Incomparable(1) if number == 7 else 1,
    )
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, [1, 7, 2, 3])
    squares.may_go_on.set()
    results = await asyncio.gather(held, *tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Batched, TypeError, TypeError, Batched, Batched]
    assert squares.batches == [[2, 3]]
    # All six places are free again.
    held = await squares.hold(batcher)
    tasks = await submit_all(batcher, range(1, 7))
    squares.may_go_on.set()
    await asyncio.gather(held, *tasks)


class Panic(BaseException):
    """What a Rust library raises when it panics: not an `Exception`."""


@pytest.mark.parametrize("kind", [Panic, StopIteration])
async def test_whatever_a_batch_raises_its_callers_can_catch(
    workers: Workers, kind: type[BaseException]
) -> None:
    """The thread goes on."""

    def fail_once(numbers: Sequence[int]) -> Sequence[int]:
        if numbers[0] == 13:
            raise kind
        return numbers

    batcher: Batcher[int, int] = Batcher(fail_once, workers=workers, max_batch_size=4)
    with pytest.raises(RuntimeError, match=f"run_batch raised {kind.__name__}"):
        await batcher.submit(13)
    assert (await batcher.submit(2)).result == 2


async def test_who_hears_of_batches_can_not_hold_them_up(
    workers: Workers, squares: Squares
) -> None:
    """The event loop reports a bug there; callers get their results."""
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: lost.append(told["exception"]))
    batcher: Batcher[int, int] = Batcher(
        squares,
        workers=workers,
        max_batch_size=4,
        when_computed=lambda size, seconds: 1 // 0,  # type: ignore[arg-type]
    )
    assert (await batcher.submit(2)).result == 4
    assert (await batcher.submit(3)).result == 9
    assert [type(error) for error in lost] == [ZeroDivisionError] * 2
