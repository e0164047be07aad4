"""A stage of a training: its parameters, AdamW with its learning rates, and a weight average."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from tihua_server.training.album import Pick
from tihua_server.training.average import WeightAverage
from tihua_server.training.pooling import Pooled
from tihua_server.training.recipe import Recipe
from tihua_server.training.schedule import rate_share

Rates: TypeAlias = Sequence[tuple[Sequence[nn.Parameter], float]]
"""Groups of parameters, each with its peak learning rate."""

WARM_UP = 0.05
"""Share of the steps over which the learning rate rises."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the training.

    Attributes:
        number: 1 or 2.
        name: of progress bar and checkpoint.
        epochs: number of epochs.
        rates: peak learning rate of each group of parameters.
        pool: returns the pooled features of pictures, with gradient if the tower is trained.
    """

    number: int
    name: str
    epochs: int
    rates: Rates
    pool: Callable[[Sequence[Pick]], Pooled]


class StageOptimizer:
    """Optimizes the parameters of a stage.

    Args:
        rates: groups of parameters.
        recipe: weight decay and averaging.
        steps: of the whole stage.

    Attributes:
        average: moving average of the weights.
    """

    def __init__(self, rates: Rates, recipe: Recipe, *, steps: int) -> None:
        self._optimizer = torch.optim.AdamW(
            [{"params": params, "lr": rate} for params, rate in rates],
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        warm_up = max(1, int(steps * WARM_UP))
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: rate_share(step, steps, warm_up)
        )
        self.average = WeightAverage(
            [parameter for params, _ in rates for parameter in params], recipe.average_decay
        )

    def step(self, loss: Tensor) -> None:
        """Make one step down the gradient of a loss."""
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._schedule.step()
        self.average.update()

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint; valid until the next step."""
        return {
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "average": self.average.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned."""
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self.average.restore(state["average"])
