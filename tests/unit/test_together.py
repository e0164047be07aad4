"""Coroutines that run at once."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from tihua_server.errors import ModelError
from tihua_server.together import together


async def test_results_come_in_order() -> None:
    """Whichever ends first."""

    async def wait(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert await together([wait(3), wait(1), wait(2)]) == [3, 1, 2]
    assert await together([wait(1)]) == [1]
    assert await together(list[Coroutine[Any, Any, int]]()) == []


async def test_the_first_error_ends_the_others_and_keeps_its_cause() -> None:
    """Whoever logs it as a bug wants to know what was at its root."""
    has_ended = False

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ModelError("it failed") from ZeroDivisionError()

    async def wait() -> None:
        nonlocal has_ended
        try:
            await asyncio.Event().wait()
        finally:
            has_ended = True

    with pytest.raises(ModelError, match="it failed") as failed:
        await together([wait(), fail()])
    assert has_ended
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
