"""Recall@k: how often what is sought is among the first k found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tihua_server.types import FloatArray

RANKS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Recall:
    """Shares of queries, in percent, and the median of the ranks, 1 the best."""

    at: dict[int, float]
    median_rank: float
    queries: int

    def __str__(self) -> str:
        """Return for example `R@1/5/10 12.1/34.0/47.3, median rank 12 of 5000 queries`."""
        names = "/".join(str(rank) for rank in self.at)
        shares = "/".join(f"{share:.1f}" for share in self.at.values())
        return f"R@{names} {shares}, median rank {self.median_rank:.0f}, {self.queries} queries"


def recall(queries: FloatArray, pictures: FloatArray, wanted: Sequence[int]) -> Recall:
    """Return how well each query finds its picture among all.

    Args:
        queries: (count, dim), L2 norm 1.
        pictures: (others, dim), L2 norm 1.
        wanted: for each query the row of its picture.
    """
    scores = queries @ pictures.T
    own = scores[np.arange(len(queries)), list(wanted)]
    # A picture that ties with the wanted one counts as found before it: no luck in the figures.
    ranks = (scores >= own[:, None]).sum(axis=1)
    return Recall(
        at={rank: float((ranks <= rank).mean() * 100) for rank in RANKS},
        median_rank=float(np.median(ranks)),
        queries=len(queries),
    )
