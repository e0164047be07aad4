"""A VectorStore in memory: for tests of what needs a store, and not which.

`tests/store` shows that it does what Milvus does: one suite for this, Milvus Lite and Milvus.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from in_memory_filter import matcher
from tihua_server.errors import ServiceError
from tihua_server.milvus_errors import already_exists, not_found, not_loaded
from tihua_server.milvus_index import search_params, with_defaults
from tihua_server.types import (
    Collection,
    CollectionSpec,
    Fields,
    Filter,
    FloatArray,
    Hit,
    Item,
    LoadState,
    SearchParams,
)


@dataclass
class _Shelf:
    """A collection and its items."""

    spec: CollectionSpec
    create_time: datetime
    items: dict[str, Item] = field(default_factory=dict)
    is_loaded: bool = True


class InMemoryStore:
    """Collections in memory, gone with it.

    Attributes:
        kind: what it is, for people.
        error: what every call raises, unless it is None: a store that is away, for one.
    """

    kind = "memory"

    def __init__(self, *specs: CollectionSpec) -> None:
        """Begin with empty collections, if any."""
        self.error: ServiceError | None = None
        self._shelves = {spec.name: _Shelf(spec, datetime.now(UTC)) for spec in specs}

    def items(self, name: str) -> Mapping[str, Item]:
        """Return the items of a collection by id, whether the store is away or not."""
        return self._shelves[name].items

    async def create(self, spec: CollectionSpec) -> None:
        """Create a collection."""
        self._answer()
        if spec.name in self._shelves:
            raise already_exists(spec.name)
        spec = replace(spec, index=with_defaults(spec.index))
        self._shelves[spec.name] = _Shelf(spec, datetime.now(UTC))

    async def spec(self, name: str) -> CollectionSpec:
        """Return what a collection was created with."""
        return self._shelf(name).spec

    async def describe(self, name: str) -> Collection:
        """Return one collection."""
        shelf = self._shelf(name)
        state = LoadState.LOADED if shelf.is_loaded else LoadState.RELEASED
        return Collection(shelf.spec, len(shelf.items), state, shelf.create_time)

    async def names(self) -> list[str]:
        """Return the names of all collections, sorted."""
        self._answer()
        return sorted(self._shelves)

    async def drop(self, name: str) -> None:
        """Remove a collection."""
        self._shelf(name)
        del self._shelves[name]

    async def load(self, name: str) -> None:
        """Load a collection."""
        self._shelf(name).is_loaded = True

    async def release(self, name: str) -> None:
        """Release a collection."""
        self._shelf(name).is_loaded = False

    async def upsert(self, name: str, items: Sequence[Item]) -> None:
        """Write items; of several with one id the last is kept."""
        shelf = self._shelf(name)
        for item in items:
            assert item.embedding is not None
            embedding = np.array(item.embedding, np.float32)
            metadata = json.loads(json.dumps(item.metadata))
            shelf.items[item.id] = replace(item, embedding=embedding, metadata=metadata)

    async def get(self, name: str, ids: Sequence[str], fields: Fields) -> list[Item]:
        """Return the items of these ids, in their order."""
        items = self._loaded(name).items
        return [_read(items[key], fields) for key in ids if key in items]

    async def scan(
        self, name: str, *, where: Filter, limit: int, after_id: str = "", fields: Fields
    ) -> list[Item]:
        """Return up to `limit` matching items with ids beyond `after_id`, sorted by id."""
        found = [
            item for item in self._matching(name, where) if item.id.encode() > after_id.encode()
        ]
        found.sort(key=lambda item: item.id.encode())
        return [_read(item, fields) for item in found[:limit]]

    async def count(self, name: str, where: Filter) -> int:
        """Return the number of matching items."""
        return len(self._matching(name, where))

    async def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items by id; return how many there were."""
        items = self._loaded(name).items
        return sum(items.pop(key, None) is not None for key in ids)

    async def delete_where(self, name: str, where: Filter) -> int:
        """Remove the matching items; return how many there were."""
        return await self.delete(name, [item.id for item in self._matching(name, where)])

    async def search(
        self, name: str, embeddings: FloatArray, params: SearchParams
    ) -> list[list[Hit]]:
        """Return the hits of each query, best first."""
        index = self._loaded(name).spec.index
        window = {"limit": params.limit, "offset": params.offset}
        search_params(index, params.index_params, **window, lite=False)
        items = self._matching(name, params.filter)
        rows = np.array([item.embedding for item in items], np.float32)
        answers = []
        for query in embeddings:
            scores = np.clip(rows @ query, -1.0, 1.0) if items else np.empty(0)
            best = np.argsort(-scores, kind="stable")[params.offset :][: params.limit]
            answers.append(
                [
                    Hit(_read(items[at], params.fields), float(scores[at]))
                    for at in best
                    if params.min_score is None or scores[at] >= params.min_score
                ]
            )
        return answers

    async def ping(self) -> None:
        """Return, or raise what is wrong."""
        self._answer()

    async def close(self) -> None:
        """Have nothing to let go of."""

    def _answer(self) -> None:
        if self.error is not None:
            raise self.error

    def _shelf(self, name: str) -> _Shelf:
        self._answer()
        if name not in self._shelves:
            raise not_found(name)
        return self._shelves[name]

    def _loaded(self, name: str) -> _Shelf:
        shelf = self._shelf(name)
        if not shelf.is_loaded:
            raise not_loaded(name)
        return shelf

    def _matching(self, name: str, where: Filter) -> list[Item]:
        matches = matcher(where)
        return [item for item in self._loaded(name).items.values() if matches(item)]


def _read(item: Item, fields: Fields) -> Item:
    """Return of an item what was asked for."""
    return Item(
        item.id,
        item.embedding if fields.embedding else None,
        item.uri if fields.uri else "",
        dict(item.metadata) if fields.metadata else {},
        item.origin if fields.origin else "",
    )
