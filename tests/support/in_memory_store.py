"""A VectorStore in memory, for tests that need some store, but no particular one.

`tests/store` shows that it behaves like Milvus: one suite for this, Milvus Lite and Milvus.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from in_memory_filter import matcher
from tihua_server.collection import Collection, CollectionSpec, Index, LoadState
from tihua_server.item import Hit, Item
from tihua_server.milvus.errors import (
    already_exists,
    has_aliases,
    is_alias,
    no_alias,
    not_found,
    not_loaded,
)
from tihua_server.milvus.index import search_tuning, with_defaults
from tihua_server.search_params import Fields, Filter, SearchParams
from tihua_server.types import FloatArray


@dataclass
class _Shelf:
    """A collection and its items."""

    spec: CollectionSpec
    create_time: datetime
    items: dict[str, Item] = field(default_factory=dict)
    is_loaded: bool = True


class InMemoryStore:
    """Keeps collections in memory.

    Attributes:
        kind: its name, for people.
        settle_s: 0, because nothing caches its state.
        error: raised by every call unless it is None, for example as an unavailable store.
    """

    kind = "memory"
    settle_s = 0.0

    def __init__(self, *specs: CollectionSpec) -> None:
        """Begin with empty collections, if any."""
        self.error: Exception | None = None
        self._shelves = {spec.name: _Shelf(spec, datetime.now(UTC)) for spec in specs}
        self._aliases: dict[str, str] = {}

    def items(self, name: str) -> Mapping[str, Item]:
        """Return the items of a collection by id, even while the store is unavailable."""
        return self._shelves[name].items

    async def create(self, spec: CollectionSpec) -> None:
        """Create a collection."""
        self._answer()
        self._require_free(spec.name)
        spec = replace(spec, index=with_defaults(spec.index))
        self._shelves[spec.name] = _Shelf(spec, datetime.now(UTC))

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return what a collection was created with."""
        return self._shelf(name).spec

    async def describe(self, name: str) -> Collection:
        """Return one collection."""
        shelf = self._shelf(name)
        state = LoadState.LOADED if shelf.is_loaded else LoadState.RELEASED
        aliases = self._aliases_of(shelf.spec.name)
        return Collection(shelf.spec, len(shelf.items), state, shelf.create_time, aliases)

    async def names(self) -> list[str]:
        """Return the names of all collections, sorted."""
        self._answer()
        return sorted(self._shelves)

    async def drop(self, name: str) -> None:
        """Remove a collection."""
        self._require_own_name(name)
        if aliases := self._aliases_of(name):
            raise has_aliases(name, aliases)
        del self._shelves[name]

    async def rename(self, name: str, new_name: str, *, keeps_alias: bool) -> None:
        """Give a collection another name."""
        self._require_own_name(name)
        self._require_free(new_name)
        shelf = self._shelves.pop(name)
        shelf.spec = replace(shelf.spec, name=new_name)
        self._shelves[new_name] = shelf
        self._aliases |= dict.fromkeys(self._aliases_of(name), new_name)
        if keeps_alias:
            self._aliases[name] = new_name

    async def set_alias(self, alias: str, name: str) -> str:
        """Point an alias to a collection; return the one that it pointed to before."""
        target = self._shelf(name).spec.name
        if alias in self._shelves:
            raise already_exists(alias)
        before = self._aliases.get(alias, "")
        self._aliases[alias] = target
        return before

    async def drop_alias(self, alias: str) -> None:
        """Remove an alias."""
        self._answer()
        if alias not in self._aliases:
            raise no_alias(alias)
        del self._aliases[alias]

    async def load(self, name: str) -> None:
        """Load a collection."""
        self._shelf(name).is_loaded = True

    async def build_index(self, name: str, index: Index | None) -> None:
        """Record the new index, if any, and load the collection."""
        shelf = self._shelf(name)
        if index is not None:
            shelf.spec = replace(shelf.spec, index=with_defaults(index))
        shelf.is_loaded = True

    async def release(self, name: str) -> None:
        """Release a collection."""
        self._shelf(name).is_loaded = False

    async def upsert(self, name: str, items: Sequence[Item]) -> None:
        """Write items; of several with the same id, the last one is kept."""
        shelf = self._shelf(name)
        for item in items:
            assert item.embedding is not None
            embedding = np.array(item.embedding, np.float32)
            metadata = json.loads(json.dumps(item.metadata))
            shelf.items[item.id] = replace(item, embedding=embedding, metadata=metadata)

    async def get(
        self, name: str, ids: Sequence[str], fields: Fields, *, is_fresh: bool = False
    ) -> list[Item]:
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
        search_tuning(index, params.index_params, **window, lite=False)
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
        """Raise `error`, if there is one."""
        self._answer()

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _answer(self) -> None:
        if self.error is not None:
            raise self.error

    def _shelf(self, name: str) -> _Shelf:
        self._answer()
        own_name = self._aliases.get(name, name)
        if own_name not in self._shelves:
            raise not_found(name)
        return self._shelves[own_name]

    def _aliases_of(self, name: str) -> tuple[str, ...]:
        return tuple(sorted(alias for alias, led_to in self._aliases.items() if led_to == name))

    def _require_own_name(self, name: str) -> None:
        if (own_name := self._shelf(name).spec.name) != name:
            raise is_alias(name, own_name)

    def _require_free(self, name: str) -> None:
        if name in self._shelves or name in self._aliases:
            raise already_exists(name)

    def _loaded(self, name: str) -> _Shelf:
        shelf = self._shelf(name)
        if not shelf.is_loaded:
            raise not_loaded(name)
        return shelf

    def _matching(self, name: str, where: Filter) -> list[Item]:
        matches = matcher(where)
        return [item for item in self._loaded(name).items.values() if matches(item)]


def _read(item: Item, fields: Fields) -> Item:
    """Return a copy of an item with only the requested fields."""
    return Item(
        item.id,
        item.embedding if fields.embedding else None,
        item.uri if fields.uri else "",
        dict(item.metadata) if fields.metadata else {},
        item.origin if fields.origin else "",
        item.update_time if fields.update_time else None,
    )
