"""The expected duration of a batch, estimated from the latest ones."""

import math
import statistics
from collections import deque

REMEMBERED = 16
"""Batches that the estimate is based on: few enough to follow load that changes within a second."""


class BatchCost:
    """A fixed part and a part per unit of size, fitted to the latest batches (least squares).

    The fit includes an imaginary batch of size 0 and duration 0. It draws the line through the
    origin while all batches have about the same size, when the slope would otherwise be noise.
    """

    def __init__(self) -> None:
        """Start without an estimate."""
        self._batches: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        self._is_warm = False
        self._is_fitted = True
        self._fixed_s = 0.0
        self._unit_s = math.inf
        self._usual_unit_s = 0.0

    def learn(self, size: float, seconds: float) -> None:
        """Record a batch: its size, 1 or more, and its duration.

        The first batch is ignored: it includes what a model loads lazily.
        """
        if not self._is_warm:
            self._is_warm = True
            return
        self._batches.append((size, seconds))
        self._is_fitted = False

    def seconds(self, size: float) -> float:
        """Return the expected duration of a batch of that size; infinite while unknown."""
        self._fit()
        return self._fixed_s + self._unit_s * size

    def of_input(self, size: float) -> float:
        """Return the share of a batch's time that an input takes, in seconds; 0 while unknown.

        The median of the latest batches, so that a delayed one does not distort it.
        """
        self._fit()
        return self._usual_unit_s * size

    def fixed_size(self) -> float:
        """Return the size whose cost equals the fixed part; 0 while unknown."""
        self._fit()
        return self._fixed_s / self._unit_s if self._unit_s else 0.0

    def _fit(self) -> None:
        if self._is_fitted:
            return
        self._is_fitted = True
        count = len(self._batches) + 1
        sizes = sum(size for size, _ in self._batches)
        total_s = sum(seconds for _, seconds in self._batches)
        squares = sum(size * size for size, _ in self._batches)
        products = sum(size * seconds for size, seconds in self._batches)
        unit_s = (count * products - sizes * total_s) / (count * squares - sizes * sizes)
        fixed_s = (total_s - unit_s * sizes) / count
        if unit_s <= 0 or fixed_s < 0:
            # Not a possible cost: one outlier among small batches has tilted the line.
            unit_s, fixed_s = total_s / sizes, 0.0
        self._unit_s, self._fixed_s = unit_s, fixed_s
        self._usual_unit_s = statistics.median(seconds / size for size, seconds in self._batches)
