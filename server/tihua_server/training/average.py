"""An exponential moving average of the weights, which retrieves better than the last weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypedDict

import torch
from torch import Tensor, nn

SOONEST = 10
"""At step n the decay is at most (n + 1) / (n + SOONEST), so that the first steps fade quickly."""


class AverageState(TypedDict):
    """The state of an average in a checkpoint: the means, in order, and the number of steps."""

    means: list[Tensor]
    steps: int


class WeightAverage:
    """An exponential moving average of parameters.

    Args:
        parameters: parameters to average, whose training continues.
        decay: share of the mean that is kept at each step, 0 to below 1; 0 gives the last weights.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self._parameters = parameters
        self._decay = decay
        self._means = [parameter.detach().clone() for parameter in parameters]
        self._steps = 0

    def update(self) -> None:
        """Add the parameters after a step to the means."""
        self._steps += 1
        kept = min(self._decay, (self._steps + 1) / (self._steps + SOONEST))
        with torch.no_grad():
            for mean, parameter in zip(self._means, self._parameters, strict=True):
                mean.lerp_(parameter, 1 - kept)

    def adopt(self) -> None:
        """Set the parameters to their means."""
        with torch.no_grad():
            for parameter, mean in zip(self._parameters, self._means, strict=True):
                parameter.copy_(mean)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Set the parameters to their means within a `with` block, and restore them after it."""
        own = [parameter.detach().clone() for parameter in self._parameters]
        self.adopt()
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, value in zip(self._parameters, own, strict=True):
                    parameter.copy_(value)

    def state(self) -> AverageState:
        """Return the state for a checkpoint; valid until the next update."""
        return {"means": self._means, "steps": self._steps}

    def restore(self, state: AverageState) -> None:
        """Continue from what `state` returned."""
        self._means = [
            mean.to(parameter.device, copy=True)
            for mean, parameter in zip(state["means"], self._parameters, strict=True)
        ]
        self._steps = state["steps"]
