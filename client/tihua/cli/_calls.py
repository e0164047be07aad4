"""Splits inputs into calls, bounded by number and by bytes."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_Input = TypeVar("_Input")

MAX_CALL_BYTES = 4 * 2**20
"""Maximum size of the files of one call together; a larger file goes alone."""


def calls(
    inputs: Sequence[_Input], max_inputs: int, bytes_of: Callable[[_Input], int]
) -> Iterator[list[_Input]]:
    """Yield the inputs of each call, in their order.

    Args:
        inputs: all inputs.
        max_inputs: maximum inputs per call.
        bytes_of: returns how many bytes of a file are sent for an input.
    """
    part: list[_Input] = []
    part_bytes = 0
    for each in inputs:
        each_bytes = bytes_of(each)
        if part and (len(part) == max_inputs or part_bytes + each_bytes > MAX_CALL_BYTES):
            yield part
            part, part_bytes = [], 0
        part.append(each)
        part_bytes += each_bytes
    if part:
        yield part
