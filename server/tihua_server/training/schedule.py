"""The schedule of a training: its length, its learning rate, and which epochs are kept."""

import math

from tihua_server.training.failures import TrainingError


def epochs_making(steps: int, batches: int, *, fewest: int) -> int:
    """Return the number of epochs of `batches` that make `steps`, or `fewest` if that is more."""
    return max(fewest, math.ceil(steps / batches))


def is_kept(epoch: int, epochs: int, batches: int, kept_steps: int) -> bool:
    """Return whether an epoch leaves a checkpoint, as writing one may take longer than the epoch.

    Args:
        epoch: from 1.
        epochs: of the whole training; the last is kept.
        batches: of an epoch.
        kept_steps: least number of steps between two epochs that are kept.
    """
    return epoch == epochs or epoch % math.ceil(kept_steps / batches) == 0


def rate_share(step: int, steps: int, warm_up: int) -> float:
    """Return the share of the peak rate at a step: linear warm-up, then a cosine decay to 0.

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
    """Stop a training whose loss is infinite or NaN, before its weights are kept.

    Args:
        loss: of a step, or the mean of an epoch.
        where: the epoch, for people.
        remedy: what to try.

    Raises:
        TrainingError: the loss is infinite or NaN.
    """
    if not math.isfinite(loss):
        raise TrainingError(
            f"{where}: the loss is {loss}, so nothing of this epoch is kept; try {remedy}, and"
            " another --out"
        )
