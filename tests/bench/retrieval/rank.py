"""The rank of a fitting picture in a search."""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from tihua import SearchResult

Pages: TypeAlias = Callable[[int, str], Awaitable[SearchResult]]
"""Searches: takes limit and page token, and returns a page of hits, best first."""

FIRST_LIMIT = 100
"""Hits of the first page, which mostly has a fitting picture; 1 000 hits take Milvus Lite five
times as long."""


class NotFoundInGallery(Exception):
    """A search ended without a fitting picture."""


async def find_rank(pages: Pages, wanted: Collection[str], *, max_limit: int) -> int:
    """Return the rank, from 1, of the best placed of the wanted pictures; exact at any depth.

    A picture that ties with it counts as ranked before it, so that luck does not improve results.

    Args:
        pages: the search.
        wanted: ids of the pictures that fit.
        max_limit: hits of each page after the first; no more than the server allows.

    Raises:
        NotFoundInGallery: no page has any of them.
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
        raise NotFoundInGallery(f"none of {sorted(wanted)} is among the {ahead} hits of the search")
    return ahead + 1
