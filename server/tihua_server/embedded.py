"""The result of embedding: one row per input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tihua_server.errors import ServiceError
from tihua_server.stages import Stages
from tihua_server.types import FloatArray

Row: TypeAlias = FloatArray | ServiceError
"""An embedding, (dim,) float32, or the error that its input caused."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The results of one call.

    Attributes:
        rows: one per input, in order: an embedding or an error.
        stages: where the time went.
        truncated: positions of the texts that were too long, so the model read their beginning.
    """

    rows: list[Row]
    stages: Stages
    truncated: Sequence[int] = ()
