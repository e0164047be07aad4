"""The interface to the store.

Knows neither gRPC nor pymilvus. The protocol `VectorStore` is all that the service needs of a
database; a new store is a file with its methods.
"""

from collections.abc import Sequence
from typing import Protocol

from tihua_server.collection import Collection, CollectionSpec, Index
from tihua_server.item import Hit, Item
from tihua_server.search_params import Fields, Filter, SearchParams
from tihua_server.types import FloatArray


class VectorStore(Protocol):
    """Collections of items, and the search for the nearest.

    Where a collection is named, an alias of it may stand, which is looked up once. Every method
    raises `StoreUnavailable` when the store does not answer within its deadline, `StoreError` when
    it refuses what should have been right, `StoreFull` when it has no room for what is written,
    and, where a collection is named, `NotFound` when there is none of that name. What the callers
    have checked already (lengths, ranges, dims, NaN) is not checked again; what a filter says is
    (`InvalidInput`).
    """

    kind: str
    """What it is, for people: `Milvus Lite 3.2.2`, `Milvus 2.6.1`."""

    settle_s: float
    """After an alias was moved: how long other servers may still believe that it leads where it led
    before, and a write that they began then may take, in seconds."""

    async def create(self, spec: CollectionSpec) -> None:
        """Create a collection, its index built and loaded for searching.

        Raises:
            AlreadyExists: there is a collection of that name.
            InvalidInput: the store refuses a parameter of the index.
        """

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return what a collection was created with; its `name` is never an alias.

        Args:
            name: the collection, or an alias of it.
            is_fresh: ask the store now. Else what was read up to 5 s ago is returned, which is
                cheap enough for every request.
        """

    async def describe(self, name: str) -> Collection:
        """Return one collection, with its exact count."""

    async def names(self) -> list[str]:
        """Return the names of all collections that tihua made, sorted."""

    async def drop(self, name: str) -> None:
        """Remove a collection and all its items.

        Raises:
            CollectionInUse: it has aliases, or the name is one.
        """

    async def rename(self, name: str, new_name: str, *, keeps_alias: bool) -> None:
        """Give a collection another name, and make the old one an alias of it if so asked.

        Raises:
            CollectionInUse: the name is an alias.
            AlreadyExists: the new name is taken.
        """

    async def set_alias(self, alias: str, name: str) -> str:
        """Lead an alias to a collection, at once; return the one that it led to before, if any.

        Raises:
            AlreadyExists: there is a collection of the alias's name.
        """

    async def drop_alias(self, alias: str) -> None:
        """Remove an alias; the collection stays.

        Raises:
            NotFound: there is no such alias.
        """

    async def load(self, name: str) -> None:
        """Load a collection for searching; return when it can be searched."""

    async def build_index(self, name: str, index: Index | None) -> None:
        """Give a collection another index, or build its own anew; return when it is loaded with it.

        Meanwhile it can't be read, with `StoreUnavailable`. What is cut short, `load` completes, or
        the same again. It goes on though nobody waits for it any more, and for longer than the
        store's own deadline of it, with `StoreUnavailable` until it is done.

        Raises:
            InvalidInput: the store refuses a parameter of the index.
        """

    async def release(self, name: str) -> None:
        """Release a collection from memory; searching it then raises `CollectionNotReady`."""

    async def upsert(self, name: str, items: Sequence[Item]) -> None:
        """Write items, replacing those of the same id; all are in the store on return."""

    async def get(
        self, name: str, ids: Sequence[str], fields: Fields, *, is_fresh: bool = False
    ) -> list[Item]:
        """Return the items of these ids, in their order; absent ones are left out.

        Args:
            name: the collection.
            ids: of the items.
            fields: what to read of them.
            is_fresh: whether writes of a moment ago are seen whoever made them, and not only those
                of this server.
        """

    async def scan(
        self, name: str, *, where: Filter, limit: int, after_id: str = "", fields: Fields
    ) -> list[Item]:
        """Return up to `limit` matching items with ids beyond `after_id`, sorted by id (bytes)."""

    async def count(self, name: str, where: Filter) -> int:
        """Return the exact number of matching items; writes of a moment ago are counted."""

    async def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items by id; return how many there were."""

    async def delete_where(self, name: str, where: Filter) -> int:
        """Remove the matching items; return how many there were."""

    async def search(
        self, name: str, embeddings: FloatArray, params: SearchParams
    ) -> list[list[Hit]]:
        """Return the hits of each query, best first.

        Args:
            name: the collection.
            embeddings: (count, dim) float32, one query a row.
            params: how to search.

        Raises:
            InvalidInput: the filter does not parse or names an unbound parameter.
            CollectionNotReady: the collection is released.
            StoreUnavailable: also while it is loading.
        """

    async def ping(self) -> None:
        """Return when the store answers, and has room for more."""

    async def close(self) -> None:
        """Flush what is buffered and let go of the store.

        Raises:
            StoreUnavailable: it can't be waited for, and threads still work for it.
        """
