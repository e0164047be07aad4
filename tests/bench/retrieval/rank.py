"""At which place a search brings what is wanted."""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from tihua import SearchResult

Pages: TypeAlias = Callable[[int, str], Awaitable[SearchResult]]
"""Searches: the limit and the page token → one page of hits, best first."""

FIRST_LIMIT = 100
"""Hits of the first page: what is wanted is mostly among them, and 1 000 hits take Milvus Lite
five times as long."""


async def find_rank(pages: Pages, wanted: Collection[str], *, max_limit: int) -> int:
    """Return the rank of the best placed of the wanted pictures, 1 the best; exact at any depth.

    A picture that ties with it counts as found before it: no luck in the figures.

    Args:
        pages: the search.
        wanted: ids that fit.
        max_limit: hits of the pages after the first, at most what the server allows.

    Raises:
        LookupError: the pages ended without any of them.
    """
    ahead = 0
    best: float | None = None
    limit, token = min(FIRST_LIMIT, max_limit), ""
    while True:
        result = await pages(limit, token)
        for hit in result:
            if best is not None and hit.score < best:
                return ahead + 1
            if hit.id not in wanted:
                ahead += 1
            elif best is None:
                best = hit.score
        if not result.next_page_token:
            break
        limit, token = max_limit, result.next_page_token
    if best is None:
        raise LookupError(f"none of {sorted(wanted)} is among the {ahead} hits of the search")
    return ahead + 1
