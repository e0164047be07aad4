"""What a batch will cost, learned from the last ones."""

import math
import statistics
from collections import deque

REMEMBERED = 16
"""Batches that the estimate rests on: few enough to follow a load that changes within a second."""


class BatchCost:
    """A fixed part and a part per unit of size, fitted to the latest batches (least squares).

    The batch that costs nothing and has no size counts as one of them. So the line is drawn
    through the origin while all batches have about the same size, instead of through their noise.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._batches: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        self._is_warm = False
        self._is_fitted = True
        self._fixed_s = 0.0
        self._unit_s = math.inf
        self._usual_unit_s = 0.0

    def learn(self, size: float, seconds: float) -> None:
        """Take note of a batch: its size, 1 or more, and its duration.

        The first is left out: it pays for what a model loads late.
        """
        if not self._is_warm:
            self._is_warm = True
            return
        self._batches.append((size, seconds))
        self._is_fitted = False

    def seconds(self, size: float) -> float:
        """Return what a batch of that size will take; infinite as long as nothing is known."""
        self._fit()
        return self._fixed_s + self._unit_s * size

    def of_input(self, size: float) -> float:
        """Return what an input of that size takes of a batch's time, in seconds; 0 if unknown.

        By the median of the latest batches: one that was held up tells nothing.
        """
        self._fit()
        return self._usual_unit_s * size

    def fixed_size(self) -> float:
        """Return the size that costs as much as the fixed part; 0 as long as nothing is known."""
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
            # No line of that kind: one hiccup among small batches tilts it.
            unit_s, fixed_s = total_s / sizes, 0.0
        self._unit_s, self._fixed_s = unit_s, fixed_s
        self._usual_unit_s = statistics.median(seconds / size for size, seconds in self._batches)
