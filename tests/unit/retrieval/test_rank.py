"""The rank of a fitting picture, over pages of hits."""

from collections.abc import Sequence

import pytest
from bench.retrieval.rank import FIRST_LIMIT, NotFoundInGallery, find_rank
from tihua import Hit, ModelRef, SearchResult, Timing


class Pages:
    """Pages of hits with falling or given scores; records the limits of the calls."""

    def __init__(self, scores: Sequence[float]) -> None:
        self._hits = [Hit(str(place), score) for place, score in enumerate(scores, start=1)]
        self.limits: list[int] = []

    async def __call__(self, limit: int, token: str) -> SearchResult:
        """Return the page that begins at the token."""
        self.limits.append(limit)
        start = int(token or 0)
        end = start + limit
        following = str(end) if end < len(self._hits) else ""
        return SearchResult(tuple(self._hits[start:end]), following, ModelRef("m", "f"), Timing())


def falling(count: int) -> Pages:
    """Return hits without a tie; the id is the rank."""
    return Pages([1 - place / count for place in range(count)])


@pytest.mark.parametrize("rank", [1, 2, FIRST_LIMIT, FIRST_LIMIT + 1, 1852])
async def test_the_rank_is_exact_at_any_depth(rank: int) -> None:
    """On the first page, at its edge, and at the end of the last."""
    assert await find_rank(falling(1852), {str(rank)}, max_limit=1000) == rank


async def test_what_is_near_takes_one_small_page() -> None:
    """Deep pages are slow."""
    pages = falling(1852)
    await find_rank(pages, {"3"}, max_limit=1000)
    assert pages.limits == [FIRST_LIMIT]


async def test_the_best_of_several_counts() -> None:
    """Other fitting pictures do not lower the rank."""
    assert await find_rank(falling(20), {"7", "4", "5"}, max_limit=1000) == 4


async def test_a_tie_counts_as_found_before() -> None:
    """On the next page too: the store returns ties in any order."""
    scores = [0.9, *[0.5] * (FIRST_LIMIT + 20), 0.1]
    assert await find_rank(Pages(scores), {"2"}, max_limit=1000) == FIRST_LIMIT + 21


async def test_what_is_not_found_is_an_error() -> None:
    """Otherwise the results would silently be wrong."""
    with pytest.raises(NotFoundInGallery, match="none of"):
        await find_rank(falling(5), {"6"}, max_limit=1000)
