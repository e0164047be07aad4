"""A vector sent by a caller → an embedding."""

import numpy as np

from tihua_server.errors import InvalidInput
from tihua_server.types import FloatArray


def normalized(vector: FloatArray, field: str = "") -> FloatArray:
    """Return `vector` scaled to L2 norm 1, as float32.

    Args:
        vector: (dim,), finite, of any norm.
        field: the request field that it came from, for the error.

    Raises:
        InvalidInput: an element is NaN or infinite, or all are zero.
    """
    if not np.isfinite(vector).all():
        raise InvalidInput(
            "embedding has an element that is NaN or infinite", reason="NOT_FINITE", field=field
        )
    wide = vector.astype(np.float64)
    norm = np.linalg.norm(wide)
    if norm == 0:
        raise InvalidInput(
            "embedding is all zero; it has no direction", reason="ZERO_VECTOR", field=field
        )
    result: FloatArray = (wide / norm).astype(np.float32)
    return result
