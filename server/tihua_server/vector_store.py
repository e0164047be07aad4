"""What is stored and found, and the seam to the store.

Knows neither gRPC nor pymilvus. The protocol `VectorStore` is all that the service asks of a
database; a new one is a file that has its methods.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from tihua_server.types import FloatArray, ModelRef

Metadata: TypeAlias = Mapping[str, object]
"""What a caller keeps beside an item: JSON values by name."""


class IndexType(enum.StrEnum):
    """How Milvus finds neighbours; each is explained in `collection_service.proto`."""

    FLAT = "FLAT"
    IVF_FLAT = "IVF_FLAT"
    HNSW = "HNSW"
    AUTOINDEX = "AUTOINDEX"


class LoadState(enum.Enum):
    """Whether a collection can be searched now."""

    RELEASED = "released"
    LOADING = "loading"
    LOADED = "loaded"


class Consistency(enum.Enum):
    """How fresh a read is: what was written a moment ago may be missing, or must be seen."""

    BOUNDED = "Bounded"
    STRONG = "Strong"


@dataclass(frozen=True, slots=True)
class Index:
    """An index type and its build parameters, for example IVF_FLAT with `{"nlist": 512}`."""

    type: IndexType
    params: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """What must be said to create a collection. The metric is always COSINE.

    Attributes:
        name: letters, digits and underscores, not starting with a digit; at most 255.
        model: the model whose embeddings it holds.
        dim: their length.
        index: how neighbours are found.
        shards: number of shards, 1 to 16; Milvus Lite has one whatever is asked.
        description: one line for people, at most 1 024 characters.
    """

    name: str
    model: ModelRef
    dim: int
    index: Index
    shards: int = 1
    description: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as it stands in the store.

    Attributes:
        spec: what it was created with; index and shards as the store reports them.
        item_count: exact number of items.
        load_state: whether it can be searched now.
        create_time: in UTC; None where the store does not tell.
        aliases: other names that lead to it, sorted.
    """

    spec: CollectionSpec
    item_count: int
    load_state: LoadState
    create_time: datetime | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """What is stored.

    Attributes:
        id: the caller's key; writing it again replaces the item.
        embedding: (dim,) float32 of L2 norm 1; None where it was not asked for.
        uri: where the picture can be found; stored and returned as it is, never opened.
        metadata: JSON values by name.
        origin: the place in an ingest session that wrote it, in the modes that must know their own
            work again; for the service alone.
        update_time: when its content was written, in UTC; None where it is not known or was not
            asked for.
    """

    id: str
    embedding: FloatArray | None
    uri: str = ""
    metadata: Metadata = field(default_factory=dict)
    origin: str = ""
    update_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """What is found.

    Attributes:
        item: a stored item.
        score: its cosine similarity to the query, in [-1, 1].
        group: the value that it shares with its group; None where hits are not grouped, and for an
            item that is in no group.
    """

    item: Item
    score: float
    group: object = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A Milvus boolean expression over `id`, `uri` and metadata, with bound parameters.

    Attributes:
        expression: for example `year >= {since} and place in {places}`; empty means every item.
        params: a value for each `{name}`: string, number, boolean or a list of those.
    """

    expression: str = ""
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fields:
    """Which parts of an item an answer carries, beside its id."""

    uri: bool = True
    metadata: bool = True
    embedding: bool = False
    origin: bool = False
    update_time: bool = False


@dataclass(frozen=True, slots=True)
class SearchParams:
    """How a search is done.

    Attributes:
        limit: hits to return at most, 1 or more; `offset + limit` at most 16 384 (Milvus).
        offset: best hits to leave out.
        filter: only items that match are searched.
        min_score: hits below it are left out; None keeps all.
        fields: which parts of an item come back.
        index_params: search parameters of the index: `nprobe` (IVF_FLAT), `ef` (HNSW).
        consistency: whether writes of a moment ago must be seen.
    """

    limit: int
    offset: int = 0
    filter: Filter = field(default_factory=Filter)
    min_score: float | None = None
    fields: Fields = field(default_factory=Fields)
    index_params: Mapping[str, int] = field(default_factory=dict)
    consistency: Consistency = Consistency.BOUNDED


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
        """Flush what is buffered and let go of the store."""
