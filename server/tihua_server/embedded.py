"""What embedding gives, to whoever asked: a row for each input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tihua_server.errors import ServiceError
from tihua_server.stages import Stages
from tihua_server.types import FloatArray

Row: TypeAlias = FloatArray | ServiceError
"""An embedding, (dim,) float32, or why there is none."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of the inputs of one call.

    Attributes:
        rows: in their order, an embedding or why there is none.
        stages: where the time went.
        truncated: positions of the texts of which the model read only the beginning.
    """

    rows: list[Row]
    stages: Stages
    truncated: Sequence[int] = ()
