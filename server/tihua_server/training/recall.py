"""Recall@k: how often a fitting picture is among the first k results."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from tihua_server.types import FloatArray

RANKS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Recall:
    """Recall of some queries.

    Attributes:
        at: k → share of queries with a fitting picture among the first k, in percent.
        median_rank: of the best placed fitting picture, from 1.
        queries: number of queries.
    """

    at: dict[int, float]
    median_rank: float
    queries: int

    @classmethod
    def of(cls, ranks: Sequence[int]) -> "Recall":
        """Return the recall of queries, given the ranks of their pictures, from 1.

        Raises:
            ValueError: `ranks` is empty.
        """
        if not ranks:
            raise ValueError("recall needs 1 query or more; there is none")
        found = np.asarray(ranks)
        return cls(
            at={rank: float((found <= rank).mean() * 100) for rank in RANKS},
            median_rank=float(np.median(found)),
            queries=len(found),
        )

    @property
    def shares(self) -> tuple[float, ...]:
        """R@10, R@5 and R@1, in percent: results are compared in this order."""
        return tuple(self.at[rank] for rank in reversed(RANKS))

    def __str__(self) -> str:
        """Return `R@1/5/10 12.1/34.0/47.3, median rank 12, 5000 queries`, for example."""
        shares = format_shares(self.shares)
        return f"{shares}, median rank {self.median_rank:g}, {self.queries} queries"


def format_shares(shares: Sequence[float]) -> str:
    """Format `Recall.shares` for people: `R@1/5/10 12.1/34.0/47.3`."""
    names = "/".join(str(rank) for rank in RANKS)
    return f"R@{names} " + "/".join(f"{share:.1f}" for share in reversed(shares))


def recall(
    queries: FloatArray, pictures: FloatArray, wanted: Sequence[int | Collection[int]]
) -> Recall:
    """Return the recall of queries among pictures, by cosine similarity.

    A picture that ties with the wanted one, or whose score is NaN, counts as ranked before it, so
    that luck does not improve the figures.

    Args:
        queries: (count, dim), L2 norm 1.
        pictures: (others, dim), L2 norm 1.
        wanted: for each query, the row of its picture, or the rows of all that fit.
    """
    is_wanted = np.zeros((len(queries), len(pictures)), dtype=np.bool_)
    for row, own in zip(is_wanted, wanted, strict=True):
        row[[own] if isinstance(own, int) else list(own)] = True
    scores = queries @ pictures.T
    best = np.where(is_wanted, scores, -np.inf).max(axis=1)
    ahead = (~(scores < best[:, None]) & ~is_wanted).sum(axis=1)
    return Recall.of((ahead + 1).tolist())
