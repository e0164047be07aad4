"""Work ahead of whoever wants it: in order, bounded, and never in the way of leaving."""

import itertools
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing

import pytest
from tihua._read_ahead import ReadAhead

# Where the tests run in the background, their processes begin with SIGINT ignored.
_PROGRAM = """
import os, signal, sys, threading
from tihua._read_ahead import ReadAhead

signal.signal(signal.SIGINT, signal.default_int_handler)

def stuck(number):
    os.write(1, b"stuck\\n")  # a thread within print() would abort the exit
    threading.Event().wait()

ahead = ReadAhead(
    stuck, [1], threads=1, max_items=1, max_bytes=1, size_of=lambda _: 0
)
try:
    list(ahead)
except KeyboardInterrupt:
    sys.exit(130)
"""


def read_ahead(
    work: Callable[[int], int],
    inputs: Iterable[int],
    *,
    threads: int = 4,
    max_items: int = 8,
    max_bytes: int = 1_000,
) -> Generator[int, None, None]:
    """Work on numbers, each of which is its own size."""
    return iter(
        ReadAhead(
            work,
            inputs,
            threads=threads,
            max_items=max_items,
            max_bytes=max_bytes,
            size_of=lambda number: number,
        )
    )


def test_results_come_in_the_order_of_their_inputs() -> None:
    """Though the first is done last."""
    others = threading.Barrier(4)

    def work(number: int) -> int:
        if number < 4:
            others.wait(60)
        return number * number

    assert list(read_ahead(work, range(20))) == [number * number for number in range(20)]


def test_no_inputs_have_no_results() -> None:
    """And nothing waits."""
    assert list(read_ahead(abs, [])) == []


def test_never_more_inputs_are_taken_than_there_is_room_for() -> None:
    """However many there are: here without end."""
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    results = read_ahead(lambda _: 0, endless(), max_items=8, max_bytes=10**9)
    with closing(results):
        for wanted in range(1, 100):
            next(results)
            assert len(taken) < wanted + 8


def test_the_sizes_of_what_is_taken_are_bounded() -> None:
    """An input that would go beyond the bound waits; one that is larger than it goes alone."""
    held: set[int] = set()
    most: list[int] = []

    def work(number: int) -> int:
        held.add(number)
        most.append(sum(held))
        return number

    sizes = [40, 30, 31, 500, 20, 21, 22, 23, 24]
    with closing(read_ahead(work, sizes, max_bytes=100)) as results:
        for number in results:
            held.discard(number)
    assert max(most) == 500
    assert max(total for total in most if total != 500) <= 100


def test_an_exception_is_raised_where_its_result_is_due() -> None:
    """What was before it is there; a TimeoutError is one like any other."""

    def work(number: int) -> int:
        if number == 5:
            raise TimeoutError("the network file system's own")
        return number

    results = read_ahead(work, range(9))
    assert list(itertools.islice(results, 5)) == list(range(5))
    with pytest.raises(TimeoutError, match="file system's own"):
        next(results)


def test_inputs_are_taken_on_the_thread_that_iterates() -> None:
    """An iterable need not be safe to share."""
    threads: set[threading.Thread] = set()

    def watched() -> Iterator[int]:
        for number in range(30):
            threads.add(threading.current_thread())
            yield number

    assert len(list(read_ahead(abs, watched()))) == 30
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("wanted", [0, 1, 10])
def test_no_thread_outlives_the_iteration(wanted: int) -> None:
    """Whether it is left early or at its end."""
    before = set(threading.enumerate())
    with closing(read_ahead(abs, range(10))) as results:
        assert list(itertools.islice(results, wanted)) == list(range(wanted))
        started = set(threading.enumerate()) - before
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()


def test_work_that_is_stuck_keeps_nobody_from_leaving() -> None:
    """Ctrl-C ends the wait, and the process does not wait for its threads."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "stuck\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert errors == ""
