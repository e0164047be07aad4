"""Recall@k: how often what is sought is among the first k found."""

from collections.abc import Collection, Sequence
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

    @classmethod
    def of(cls, ranks: Sequence[int]) -> "Recall":
        """Return the recall of queries whose picture came at these ranks, 1 the best.

        Raises:
            ValueError: there is no rank.
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
        """What is compared: R@10, of equals R@5, and then R@1, in percent."""
        return tuple(self.at[rank] for rank in reversed(RANKS))

    def __str__(self) -> str:
        """Return for example `R@1/5/10 12.1/34.0/47.3, median rank 12, 5000 queries`."""
        return (
            f"{shares_told(self.shares)}, median rank {self.median_rank:g}, {self.queries} queries"
        )


def shares_told(shares: Sequence[float]) -> str:
    """Return `Recall.shares` for people: `R@1/5/10 12.1/34.0/47.3`."""
    names = "/".join(str(rank) for rank in RANKS)
    return f"R@{names} " + "/".join(f"{share:.1f}" for share in reversed(shares))


def recall(
    queries: FloatArray, pictures: FloatArray, wanted: Sequence[int | Collection[int]]
) -> Recall:
    """Return how well each query finds its picture, or the best of its pictures, among all.

    A picture that ties with the wanted one counts as found before it, and so does one whose score
    is no number: no luck in the figures.

    Args:
        queries: (count, dim), L2 norm 1.
        pictures: (others, dim), L2 norm 1.
        wanted: for each query the row of its picture, or the rows of all that fit.
    """
    is_wanted = np.zeros((len(queries), len(pictures)), dtype=np.bool_)
    for row, own in zip(is_wanted, wanted, strict=True):
        row[[own] if isinstance(own, int) else list(own)] = True
    scores = queries @ pictures.T
    best = np.where(is_wanted, scores, -np.inf).max(axis=1)
    ahead = (~(scores < best[:, None]) & ~is_wanted).sum(axis=1)
    return Recall.of((ahead + 1).tolist())
