"""A collection: its specification, and its state in the store."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tihua_server.types import ModelRef

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")


def is_collection_name(name: str) -> bool:
    """Return whether a collection or an alias can have this name, by the rules of Milvus."""
    return _NAME.fullmatch(name) is not None


class IndexType(enum.StrEnum):
    """How Milvus finds neighbours; each is explained in `collection_service.proto`."""

    FLAT = "FLAT"
    IVF_FLAT = "IVF_FLAT"
    HNSW = "HNSW"
    AUTOINDEX = "AUTOINDEX"


@dataclass(frozen=True, slots=True)
class Index:
    """An index type and its build parameters, for example IVF_FLAT with `{"nlist": 512}`."""

    type: IndexType
    params: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CollectionSpec:
    """What a collection is created with. The metric is always COSINE.

    Attributes:
        name: letters, digits and underscores, not starting with a digit; at most 255.
        model: the model whose embeddings it holds.
        dim: length of the embeddings.
        index: how neighbours are found.
        shards: number of shards, 1 to 16; Milvus Lite always has one.
        description: one line for people, at most 1 024 characters.
    """

    name: str
    model: ModelRef
    dim: int
    index: Index
    shards: int = 1
    description: str = ""


class LoadState(enum.Enum):
    """Whether a collection can be searched now."""

    RELEASED = "released"
    LOADING = "loading"
    LOADED = "loaded"


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as it stands in the store.

    Attributes:
        spec: what it was created with; index and shards as the store reports them.
        item_count: exact number of items.
        load_state: whether it can be searched now.
        create_time: in UTC.
        aliases: other names that lead to it, sorted.
    """

    spec: CollectionSpec
    item_count: int
    load_state: LoadState
    create_time: datetime
    aliases: tuple[str, ...] = ()
