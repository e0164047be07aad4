"""The course of a training: how long it is, its learning rate, and what of it is kept."""

import math

from tihua_server.training.failures import TrainingError


def epochs_making(steps: int, batches: int, *, fewest: int) -> int:
    """Return how many epochs of so many batches make so many steps; `fewest` at least."""
    return max(fewest, math.ceil(steps / batches))


def is_kept(epoch: int, epochs: int, batches: int, kept_steps: int) -> bool:
    """Return whether an epoch leaves a checkpoint: writing one may take longer than the epoch.

    Args:
        epoch: from 1.
        epochs: of the whole training; the last is kept.
        batches: of an epoch.
        kept_steps: least number between two epochs that are kept.
    """
    return epoch == epochs or epoch % math.ceil(kept_steps / batches) == 0


def rate_share(step: int, steps: int, warm_up: int) -> float:
    """Return the share of the peak rate at a step: a rise, then half a cosine down to nothing.

    Args:
        step: from 0.
        steps: of the whole training.
        warm_up: steps over which the rate rises, 1 or more.
    """
    if step < warm_up:
        return (step + 1) / warm_up
    fallen = min(1.0, (step - warm_up) / max(1, steps - warm_up))
    return 0.5 * (1 + math.cos(math.pi * fallen))


def require_finite(loss: float, where: str, remedy: str) -> None:
    """Refuse to go on, or to keep what was learned, when the loss is no number.

    Args:
        loss: of a step, or the mean of an epoch.
        where: the epoch, for people.
        remedy: what to try.

    Raises:
        TrainingError: it is infinite or NaN.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"{where}: the loss is {loss}, so nothing of this epoch is kept; try {remedy}, and"
            " another --out"
        )
