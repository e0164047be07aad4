"""The settings of a fine-tuning, and cn_clip's optimizer.

Rate and decay are those of cn_clip's recipe for Flickr30k-CN
(`run_scripts/flickr30k_finetune_vit-b-16_…sh`), and so is the warm-up of 100 steps; a run of fewer
than 1000 steps warms up over a tenth of them. That recipe also uses AutoAugment; this one does not.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tihua_server.training.schedule import epochs_making, is_kept, rate_share

FEWEST_EPOCHS = 3
"""Epochs of that recipe."""

FEWEST_STEPS = 300
"""A few hundred pictures make three batches of 128; nine steps in three epochs teach nothing."""

WITHOUT_DECAY = ("bn", "ln", "bias", "logit_scale")
"""Parts of the names of parameters that have no weight decay (`main.py`)."""


@dataclass(frozen=True, slots=True)
class FineTuneRecipe:
    """How to fine-tune.

    Attributes:
        seed: of every draw.
        epochs: passes over the pairs of picture and caption; None is `FEWEST_EPOCHS`, or as many as
            make `FEWEST_STEPS` if that is more.
        batch_size: greatest number of pairs in a step; negatives come from the same batch, so more
            is better.
        rate: peak learning rate.
        weight_decay: AdamW's.
        warm_up_steps: steps over which the rate rises; a tenth of all steps if that is less.
        kept_steps: least number of steps between two epochs that are kept and measured; with few
            pictures, keeping and measuring each epoch would take longer than training.
    """

    seed: int = 0
    epochs: int | None = None
    batch_size: int = 128
    rate: float = 5e-5
    weight_decay: float = 0.001
    warm_up_steps: int = 100
    kept_steps: int = 30

    def epochs_of(self, batches: int) -> int:
        """Return the number of epochs, given the number of batches in one."""
        return self.epochs or epochs_making(FEWEST_STEPS, batches, fewest=FEWEST_EPOCHS)

    def keeps(self, epoch: int, epochs: int, batches: int) -> bool:
        """Return whether an epoch, from 1, is kept; the last always is. See `is_kept`."""
        return is_kept(epoch, epochs, batches, self.kept_steps)

    def optimizer(self, network: Any, *, is_resnet: bool) -> torch.optim.AdamW:
        """Return cn_clip's optimizer (`params.py`), which has other numbers for ResNets."""
        return torch.optim.AdamW(
            _groups(network, self.weight_decay),
            lr=self.rate,
            betas=(0.9, 0.999 if is_resnet else 0.98),
            eps=1e-8 if is_resnet else 1e-6,
        )

    def rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate at a step, from 0, of `steps`."""
        warm_up = min(self.warm_up_steps, max(1, steps // 10))
        return self.rate * rate_share(step, steps, warm_up)


def _groups(network: Any, weight_decay: float) -> list[dict[str, Any]]:
    without: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        has_none = any(part in name for part in WITHOUT_DECAY)
        (without if has_none else others).append(parameter)
    return [
        {"params": without, "weight_decay": 0.0},
        {"params": others, "weight_decay": weight_decay},
    ]
