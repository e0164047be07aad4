"""Coroutines that run concurrently and end together."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def together(coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return the results of all, in their order; if one fails, end the others and raise its error.

    `asyncio.gather` would let the others run on for a caller that already has its answer.
    """
    if len(coroutines) == 1:
        return [await coroutines[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except ExceptionGroup as failures:
        # The first is as good as any: a call has one status.
        first = failures.exceptions[0]
        raise first from first.__cause__
    return [task.result() for task in tasks]
