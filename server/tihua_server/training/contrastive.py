"""The contrastive loss of CLIP, without punishing what is right."""

import torch
from torch import Tensor


def contrastive_loss(scores: Tensor, is_right: Tensor, *, label_smoothing: float) -> Tensor:
    """Return the symmetric InfoNCE loss (Radford et al. 2021, arXiv:2103.00020, figure 3).

    A batch may hold the same thing twice: 🐎 of two sets, or two photographs of one caption. Such
    pairs are right too, so they are left out of the others that a row is told apart from.

    Args:
        scores: (batch, batch) cosine similarities times the scale; pictures by rows.
        is_right: (batch, batch) whether the text of a column describes the picture of a row.
        label_smoothing: share of the target that is spread over the wrong pairs.
    """
    is_own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    is_left_out = is_right & ~is_own
    return (
        _one_way(scores, is_own, is_left_out, label_smoothing)
        + _one_way(scores.T, is_own, is_left_out.T, label_smoothing)
    ) / 2


def _one_way(scores: Tensor, is_own: Tensor, is_left_out: Tensor, smoothing: float) -> Tensor:
    logs = scores.masked_fill(is_left_out, -torch.inf).log_softmax(dim=1)
    right = logs[is_own].mean()
    is_wrong = ~(is_own | is_left_out)
    wrong = logs.masked_fill(~is_wrong, 0.0).sum(dim=1) / is_wrong.sum(dim=1).clamp(min=1)
    return -((1 - smoothing) * right + smoothing * wrong.mean())
