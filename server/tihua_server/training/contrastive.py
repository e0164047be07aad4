"""CLIP's contrastive loss, without false negatives."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

NOWHERE = -1e4
"""Score of a masked pair: its exponential is 0, and unlike -∞ it has a finite gradient, 0."""


def contrastive_loss(
    scores: Tensor, is_own: Tensor, is_right: Tensor, *, label_smoothing: float
) -> Tensor:
    """Return the symmetric InfoNCE loss (Radford et al. 2021, arXiv:2103.00020, figure 3).

    A picture may have several texts in a batch; each competes only with the wrong texts.
    A batch may contain the same thing twice: 🐎 of two sets, or two photographs with one caption.
    Such pairs are not negatives, so they are masked.

    Args:
        scores: (pictures, texts) cosine similarities times the scale.
        is_own: (pictures, texts) whether the text was drawn for the picture; for one picture each.
        is_right: (pictures, texts) whether the text describes the picture.
        label_smoothing: share of the target that is spread over the wrong pairs.
    """
    is_left_out = is_right & ~is_own
    return (
        _one_way(scores, is_own, is_left_out, label_smoothing)
        + _one_way(scores.T, is_own.T, is_left_out.T, label_smoothing)
    ) / 2


def twin_loss(scores: Tensor, is_same: Tensor, *, label_smoothing: float) -> Tensor:
    """Return the loss of finding the other pictures of the same thing by a picture.

    Args:
        scores: (pictures, pictures) cosine similarities times the scale.
        is_same: (pictures, pictures) whether both show the same thing; true on the diagonal.
        label_smoothing: share of the target that is spread over the wrong pairs.

    Returns:
        The mean loss of the pictures that have a twin; 0 if none has.
    """
    is_itself = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    is_twin = is_same & ~is_itself
    rows = is_twin.any(dim=1)
    if not rows.any():
        return scores.sum() * 0.0
    return _one_way(scores[rows], is_twin[rows], is_itself[rows], label_smoothing)


def same(groups: Sequence[str]) -> Tensor:
    """Return (count, count) bool: which pictures show the same thing."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    row = torch.tensor([numbers[group] for group in groups])
    return row[:, None] == row[None, :]


def described(texts: Sequence[Iterable[str]], drawn: Sequence[str]) -> Tensor:
    """Return (pictures, drawn) bool: which drawn texts are among the texts of a picture."""
    columns: dict[str, list[int]] = {}
    for column, text in enumerate(drawn):
        columns.setdefault(text, []).append(column)
    found = torch.zeros(len(texts), len(drawn), dtype=torch.bool)
    for row, own in enumerate(texts):
        found[row, [column for text in own for column in columns.get(text, ())]] = True
    return found


def _one_way(scores: Tensor, is_own: Tensor, is_left_out: Tensor, smoothing: float) -> Tensor:
    is_wrong = ~(is_own | is_left_out)
    wrong = scores.masked_fill(~is_wrong, NOWHERE).logsumexp(dim=1, keepdim=True)
    own = scores.masked_fill(~is_own, NOWHERE).logsumexp(dim=1, keepdim=True)
    right = _mean(scores - torch.logaddexp(scores, wrong), is_own)
    spread = _mean(scores - torch.logaddexp(own, wrong), is_wrong)
    return -((1 - smoothing) * right + smoothing * spread).mean()


def _mean(values: Tensor, is_meant: Tensor) -> Tensor:
    """Return the mean of each row over the values that `is_meant` selects; 0 if it selects none."""
    return (values * is_meant).sum(dim=1) / is_meant.sum(dim=1).clamp(min=1)
