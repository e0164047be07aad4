"""The mean of the weights of the last steps, which finds more than those of the very last one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypedDict

import torch
from torch import Tensor, nn

SOONEST = 10
"""At step n a weight keeps at most (n + 1) / (n + SOONEST) of its mean: the first are soon gone."""


class AverageState(TypedDict):
    """What a checkpoint keeps of an average: the means, in order, and how many steps went in."""

    means: list[Tensor]
    steps: int


class WeightAverage:
    """A moving average of parameters: a step counts `decay` times as much after each later one.

    Args:
        parameters: what is averaged; they go on being trained.
        decay: share that the mean keeps at each step, 0 to below 1; 0 is the last step's weights.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self._parameters = parameters
        self._decay = decay
        self._means = [parameter.detach().clone() for parameter in parameters]
        self._steps = 0

    def update(self) -> None:
        """Take in what a step made of the parameters."""
        self._steps += 1
        kept = min(self._decay, (self._steps + 1) / (self._steps + SOONEST))
        with torch.no_grad():
            for mean, parameter in zip(self._means, self._parameters, strict=True):
                mean.lerp_(parameter, 1 - kept)

    def adopt(self) -> None:
        """Set the parameters to their means for good."""
        with torch.no_grad():
            for parameter, mean in zip(self._parameters, self._means, strict=True):
                parameter.copy_(mean)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Set the parameters to their means, and back in the end."""
        own = [parameter.detach().clone() for parameter in self._parameters]
        self.adopt()
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, value in zip(self._parameters, own, strict=True):
                    parameter.copy_(value)

    def state(self) -> AverageState:
        """Return what a checkpoint keeps; good until the next update."""
        return {"means": self._means, "steps": self._steps}

    def restore(self, state: AverageState) -> None:
        """Go on from what `state` returned."""
        self._means = [
            mean.to(parameter.device, copy=True)
            for mean, parameter in zip(state["means"], self._parameters, strict=True)
        ]
        self._steps = state["steps"]
