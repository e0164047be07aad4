"""Limits how many hits share a value: for example, to the best picture of each artist.

The store does not do this: Milvus 2.3.5 silently ignores `group_by_field`, Milvus Lite 3.2 groups
only by columns, and a metadata key is a column in neither. So hits are read here, best first, in
windows, until enough of them count. All pages of a search use the same windows: on an approximate
index, other windows would have other hits.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tihua_server.item import Hit, Item
from tihua_server.search_params import SearchParams
from tihua_server.turns import Turns
from tihua_server.types import FloatArray
from tihua_server.vector_store import SearchableStore

FIRST_WINDOW = 128
"""Hits of the first window; each is twice as long as the one before."""

LARGEST_WINDOW = 1_000
"""Hits of the longest: with metadata of 32 KiB each, what an answer of Milvus can hold."""


@dataclass(frozen=True, slots=True)
class GroupBy:
    """How to group hits.

    Attributes:
        key: a metadata key, or `uri`.
        size: most hits of one group, over all pages.
        reach: most hits to look through.
    """

    key: str
    size: int
    reach: int


async def grouped_hits(
    store: SearchableStore,
    collection: str,
    embedding: FloatArray,
    params: SearchParams,
    group: GroupBy,
) -> list[Hit]:
    """Return hits, best first, at most `group.size` of them with the same value.

    An item without the key or the uri, or with null there, is in no group and not limited.

    Args:
        store: where to search.
        collection: the collection to search.
        embedding: (dim,), the query.
        params: its `limit` and `offset` count the hits that are left.
        group: how to group them.
    """
    end = params.offset + params.limit
    found: dict[str, Hit] = {}
    taken: Counter[str] = Counter()
    turns = Turns()
    for start, length in _windows(group.reach):
        [hits] = await store.search(
            collection, embedding[np.newaxis], _of_window(params, group.key, start, length)
        )
        for hit in hits:
            await turns.pause()
            # Windows of an approximate index may overlap.
            if hit.item.id in found:
                continue
            value = _value(hit.item, group.key)
            name = json.dumps(value, sort_keys=True)
            if value is not None and taken[name] == group.size:
                continue
            taken[name] += 1
            found[hit.item.id] = Hit(_shown(hit.item, params), hit.score, value)
        if len(found) >= end or len(hits) < length:
            break
    return list(found.values())[params.offset : end]


def _windows(reach: int) -> Iterator[tuple[int, int]]:
    start, length = 0, FIRST_WINDOW
    while start < reach:
        yield start, min(length, reach - start)
        start, length = start + length, min(2 * length, LARGEST_WINDOW)


def _of_window(params: SearchParams, key: str, start: int, length: int) -> SearchParams:
    fields = replace(
        params.fields,
        uri=params.fields.uri or key == "uri",
        metadata=params.fields.metadata or key != "uri",
    )
    # Fewer candidates than hits of the window would be refused.
    tuning = {
        name: max(value, length) if name == "ef" else value
        for name, value in params.index_params.items()
    }
    return replace(params, offset=start, limit=length, fields=fields, index_params=tuning)


def _value(item: Item, key: str) -> object:
    return (item.uri or None) if key == "uri" else item.metadata.get(key)


def _shown(item: Item, params: SearchParams) -> Item:
    return replace(
        item,
        uri=item.uri if params.fields.uri else "",
        metadata=item.metadata if params.fields.metadata else {},
    )
