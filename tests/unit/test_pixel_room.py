"""The room for pixels being decoded: which picture goes first, and which waits."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from tihua_server.batching.lane import Lane
from tihua_server.batching.pixel_room import PATIENCE, PixelRoom
from tihua_server.batching.workers import Workers
from tihua_server.errors import Draining

LIMIT = 10


class Decoding:
    """Jobs that block until they are released, and the names of those that began."""

    def __init__(self, room: PixelRoom) -> None:
        """Block them."""
        self.began: list[str] = []
        self.may_go_on = threading.Event()
        self._room = room

    def start(
        self, name: str, pixels: int, lane: Lane = Lane.INTERACTIVE, *, due_s: float = 0.0
    ) -> "asyncio.Task[object]":
        """Request room for a job."""

        def job() -> None:
            self.began.append(name)
            assert self.may_go_on.wait(60)

        return asyncio.create_task(self._room.run(job, pixels, lane, due_s))

    async def hold(
        self, name: str, pixels: int, lane: Lane = Lane.INTERACTIVE
    ) -> "asyncio.Task[object]":
        """Start a job and return when it runs."""
        task = self.start(name, pixels, lane)
        await until(lambda: name in self.began)
        return task

    async def finish(self, *tasks: "asyncio.Task[object]") -> None:
        """Release all of them, and wait until they end."""
        self.may_go_on.set()
        await asyncio.gather(*tasks)


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    """More threads than the pixels can keep busy."""
    made = Workers(4, "test")
    yield made
    made.close()


@pytest.fixture
def room(workers: Workers) -> PixelRoom:
    """Room for 10 pixels."""
    return PixelRoom(LIMIT, workers)


@pytest.fixture
def decoding(room: PixelRoom) -> Iterator[Decoding]:
    """No jobs yet."""
    made = Decoding(room)
    yield made
    made.may_go_on.set()


async def until(is_so: Callable[[], bool]) -> None:
    """Return when the condition holds."""
    while not is_so():
        await asyncio.sleep(0)


async def settled() -> None:
    """Return when every task that can run has reached its wait."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_pixels_are_taken_while_there_are_some(room: PixelRoom) -> None:
    """Released pixels can be reserved again."""
    assert room.take_now(6, Lane.BULK)
    assert not room.take_now(6, Lane.INTERACTIVE)
    assert room.take_now(4, Lane.INTERACTIVE)
    room.give(6)
    assert room.take_now(6, Lane.INTERACTIVE)


async def test_a_picture_larger_than_the_bound_is_decoded_alone(
    room: PixelRoom, decoding: Decoding
) -> None:
    """The bound on all is no limit on one; it waits until nothing else is being decoded."""
    small = await decoding.hold("small", 1)
    large = decoding.start("large", 25)
    await settled()
    assert decoding.began == ["small"]
    await decoding.finish(small, large)
    assert room.take_now(25, Lane.INTERACTIVE)
    assert not room.take_now(1, Lane.INTERACTIVE)


async def test_interactive_goes_before_bulk_that_came_first(decoding: Decoding) -> None:
    """It waits for what is being decoded, not for bulk that waits as well."""
    first = await decoding.hold("first", 10, Lane.BULK)
    bulk = [decoding.start(f"bulk {number}", 10, Lane.BULK) for number in range(3)]
    await settled()
    interactive = decoding.start("interactive", 10)
    await settled()
    await decoding.finish(first, interactive, *bulk)
    assert decoding.began == ["first", "interactive", "bulk 0", "bulk 1", "bulk 2"]


async def test_interactive_that_fits_passes_bulk_that_waits(
    room: PixelRoom, decoding: Decoding
) -> None:
    """Bulk does not pass bulk, or small pictures would keep a large one waiting."""
    first = await decoding.hold("first", 8, Lane.BULK)
    bulk = decoding.start("bulk", 8, Lane.BULK)
    await settled()
    assert not room.take_now(2, Lane.BULK)
    assert room.take_now(2, Lane.INTERACTIVE)
    room.give(2)
    await decoding.finish(first, bulk)


async def test_nothing_passes_an_interactive_picture_that_waits(
    room: PixelRoom, decoding: Decoding
) -> None:
    """Small pictures of either lane would take the pixels that it waits for."""
    first = await decoding.hold("first", 8)
    large = decoding.start("large", 8)
    await settled()
    assert not room.take_now(1, Lane.INTERACTIVE)
    assert not room.take_now(1, Lane.BULK)
    await decoding.finish(first, large)


async def test_bulk_is_overtaken_for_a_while_only(room: PixelRoom, decoding: Decoding) -> None:
    """Otherwise overlapping interactive pictures would keep a large one out forever."""
    first = await decoding.hold("first", 1)
    bulk = decoding.start("bulk", LIMIT, Lane.BULK)
    await settled()
    for _ in range(PATIENCE * LIMIT):
        assert room.take_now(1, Lane.INTERACTIVE)
        room.give(1)
    assert not room.take_now(1, Lane.INTERACTIVE)
    interactive = decoding.start("interactive", LIMIT)
    await settled()
    await decoding.finish(first, bulk, interactive)
    assert decoding.began == ["first", "bulk", "interactive"]


async def test_who_waits_for_pixels_keeps_nobody_from_a_thread(
    workers: Workers, room: PixelRoom, decoding: Decoding
) -> None:
    """More pictures wait than there are threads, and other work of the threads goes on."""
    first = await decoding.hold("first", LIMIT, Lane.BULK)
    bulk = [decoding.start(f"bulk {number}", 5, Lane.BULK) for number in range(8)]
    await settled()
    other = PixelRoom(LIMIT, workers)
    assert await other.run(lambda: "done", 1, Lane.BULK, 0.0) == "done"
    assert decoding.began == ["first"]
    await decoding.finish(first, *bulk)


async def test_a_thread_may_take_the_pixels_that_were_about_to_be_handed_out(
    workers: Workers, room: PixelRoom, decoding: Decoding
) -> None:
    """The picture that was next waits on, and the bound holds."""
    bulk = decoding.start("bulk", LIMIT, Lane.BULK)
    await asyncio.sleep(0)  # it waits, and the workers look for a job at the end of this turn
    assert room.urgency() is not None
    assert room.take_now(1, Lane.INTERACTIVE)
    assert room.next_job() is None
    await settled()
    assert decoding.began == []
    room.give(1)
    workers.wake()
    await decoding.finish(bulk)


async def test_what_is_due_first_goes_first(room: PixelRoom, decoding: Decoding) -> None:
    """A single picture passes those of a large call, which are due one after another."""
    first = await decoding.hold("first", LIMIT)
    large = [decoding.start(f"large {due_s}", LIMIT, due_s=due_s) for due_s in (0, 40, 80)]
    single = decoding.start("single", LIMIT, due_s=1)
    await settled()
    await decoding.finish(first, *large, single)
    assert decoding.began == ["first", "large 0", "single", "large 40", "large 80"]


async def test_a_caller_who_hung_up_lets_those_behind_pass(
    room: PixelRoom, decoding: Decoding
) -> None:
    """It leaves at once, takes no pixels, and its picture is not decoded."""
    first = await decoding.hold("first", 5)
    large = decoding.start("large", 9)
    await settled()
    small = decoding.start("small", 5)
    await settled()
    large.cancel()
    await until(lambda: "small" in decoding.began)
    await decoding.finish(first, small)
    assert decoding.began == ["first", "small"]
    assert room.take_now(LIMIT, Lane.BULK)


async def test_the_pixels_of_a_running_job_are_held_to_its_end(
    room: PixelRoom, decoding: Decoding
) -> None:
    """Its caller may have gone; its memory is still in use."""
    first = await decoding.hold("first", LIMIT)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not room.take_now(1, Lane.INTERACTIVE)
    decoding.may_go_on.set()
    await decoding.start("second", LIMIT)
    assert room.take_now(LIMIT, Lane.INTERACTIVE)


async def test_a_job_that_fails_gives_its_pixels_back(room: PixelRoom) -> None:
    """Its caller gets the error, and the next picture gets the pixels."""

    def fail() -> None:
        raise ValueError("no picture")

    with pytest.raises(ValueError, match="no picture"):
        await room.run(fail, LIMIT, Lane.BULK, 0.0)
    assert await room.run(lambda: "done", LIMIT, Lane.BULK, 0.0) == "done"


async def test_closing_answers_those_who_wait(room: PixelRoom, decoding: Decoding) -> None:
    """They may wait for pixels or for a running job; later calls are refused."""
    tasks = [await decoding.hold("first", LIMIT), decoding.start("second", LIMIT)]
    await settled()
    room.close()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Draining] * 2
    with pytest.raises(Draining):
        await room.run(lambda: None, 1, Lane.INTERACTIVE, 0.0)
