"""How a collection is searched and read: which items, which parts of them, how fresh."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class Consistency(enum.Enum):
    """How fresh a read is: the latest writes may be missing (BOUNDED), or must be seen (STRONG)."""

    BOUNDED = "Bounded"
    STRONG = "Strong"


@dataclass(frozen=True, slots=True)
class Filter:
    """A Milvus boolean expression over `id`, `uri` and metadata, with bound parameters.

    Attributes:
        expression: for example `year >= {since} and place in {places}`; empty means every item.
        params: a value for each `{name}`: string, number, boolean or a list of those.
        without_ids: ids of items to exclude, whatever the expression says.
    """

    expression: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    without_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """Which parts of an item to return, besides its id."""

    uri: bool = True
    metadata: bool = True
    embedding: bool = False
    origin: bool = False
    update_time: bool = False


@dataclass(frozen=True, slots=True)
class SearchParams:
    """How to search.

    Attributes:
        limit: most hits to return, 1 or more; `offset + limit` at most 16 384 (Milvus).
        offset: number of best hits to skip.
        filter: only items that match are searched.
        min_score: hits below it are left out; None keeps all.
        fields: which parts of an item to return.
        index_params: search parameters of the index: `nprobe` (IVF_FLAT), `ef` (HNSW).
        consistency: how fresh the read is.
    """

    limit: int
    offset: int = 0
    filter: Filter = field(default_factory=Filter)
    min_score: float | None = None
    fields: Fields = field(default_factory=Fields)
    index_params: Mapping[str, int] = field(default_factory=dict)
    consistency: Consistency = Consistency.BOUNDED
