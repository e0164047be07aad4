"""The interface to the store.

Knows neither gRPC nor pymilvus. The protocol `VectorStore` is all that the service needs of a
database; a new store is a class with its methods.
"""

from collections.abc import Sequence
from typing import Protocol

from tihua_server.collection import Collection, CollectionSpec, Index
from tihua_server.item import Hit, Item
from tihua_server.search_params import Fields, Filter, SearchParams
from tihua_server.types import FloatArray


class SearchableStore(Protocol):
    """What a search needs of a store; see `VectorStore`, also for the errors."""

    async def spec(self, name: str, *, is_fresh: bool = False) -> CollectionSpec:
        """Return what a collection was created with; its `name` is never an alias.

        Args:
            name: the collection, or an alias of it.
            is_fresh: ask the store now. Otherwise the answer may be up to 5 s old, which is cheap
                enough for every request.
        """

    async def get(
        self, name: str, ids: Sequence[str], fields: Fields, *, is_fresh: bool = False
    ) -> list[Item]:
        """Return the items of these ids, in their order; absent ones are left out.

        Args:
            name: the collection.
            ids: of the items.
            fields: what to read of them.
            is_fresh: see the latest writes of every server, not only of this one.
        """

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


class VectorStore(SearchableStore, Protocol):
    """Collections of items, and the search for the nearest.

    The name of a collection may be an alias of it, which is resolved once per call. Every method
    raises `StoreUnavailable` if the store does not answer within its deadline, `StoreError` if it
    refuses what should have been valid, `StoreFull` if it has no room for a write, and, given the
    name of a collection, `NotFound` if there is none. Callers have validated the arguments already
    (lengths, ranges, dims, NaN), except what a filter says: that is checked here (`InvalidInput`).
    """

    kind: str
    """Its product and version, for people: `Milvus Lite 3.2.2`, `Milvus 2.6.1`."""

    settle_s: float
    """How long after an alias was moved other servers may still write to its old collection, in
    seconds: they cache where it leads, and a write may begin just before the cache expires."""

    async def create(self, spec: CollectionSpec) -> None:
        """Create a collection, its index built and loaded for searching.

        Raises:
            AlreadyExists: there is a collection of that name.
            InvalidInput: the store refuses a parameter of the index.
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
        """Rename a collection; with `keeps_alias` the old name becomes an alias of it.

        Raises:
            CollectionInUse: the name is an alias.
            AlreadyExists: the new name is taken.
        """

    async def set_alias(self, alias: str, name: str) -> str:
        """Point an alias to a collection, atomically; return its previous one, "" if it is new.

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
        """Replace the index of a collection, or rebuild it if `index` is None, and load it.

        Until it is loaded, reads raise `StoreUnavailable`. Building continues when the caller has
        left. If it takes longer than the store waits for it, this raises `StoreUnavailable`, and
        building continues too. `load` or a second call completes a build that was interrupted.

        Raises:
            InvalidInput: the store refuses a parameter of the index.
        """

    async def release(self, name: str) -> None:
        """Release a collection from memory; searching it then raises `CollectionNotReady`."""

    async def upsert(self, name: str, items: Sequence[Item]) -> None:
        """Write items, replacing those of the same id; all are in the store on return."""

    async def scan(
        self, name: str, *, where: Filter, limit: int, after_id: str = "", fields: Fields
    ) -> list[Item]:
        """Return up to `limit` matching items with ids beyond `after_id`, sorted by id (bytes)."""

    async def count(self, name: str, where: Filter) -> int:
        """Return the exact number of matching items, the latest writes included."""

    async def delete(self, name: str, ids: Sequence[str]) -> int:
        """Remove items by id; return how many there were."""

    async def delete_where(self, name: str, where: Filter) -> int:
        """Remove the matching items; return how many there were."""

    async def ping(self) -> None:
        """Return if the store answers and has room for more, else raise."""

    async def close(self) -> None:
        """Flush what is buffered, and disconnect.

        Raises:
            StoreUnavailable: the store is still busy, and threads of this process with it.
        """
