"""The batcher, with integers."""

from collections.abc import AsyncIterator, Iterator

import pytest
from squares import Squares
from tihua_server.batching.batcher import Batcher
from tihua_server.batching.workers import Workers


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
    """A batcher of up to 4."""
    made: Batcher[int, int] = Batcher(squares, workers=workers, max_batch_size=4)
    yield made
    made.close()
