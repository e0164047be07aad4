"""A stored item, and a hit of a search."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from tihua_server.types import FloatArray

Metadata: TypeAlias = Mapping[str, object]
"""What a caller keeps beside an item: JSON values by name."""


@dataclass(frozen=True, slots=True)
class Item:
    """A stored item.

    Attributes:
        id: the caller's key; writing it again replaces the item.
        embedding: (dim,) float32 of L2 norm 1; None if it was not requested.
        uri: where the picture can be found; stored and returned as it is, never opened.
        metadata: JSON values by name.
        origin: the place in an ingest session that wrote it, in the modes that must recognize their
            own writes; internal to the service.
        update_time: when its content was written, in UTC; None if it is unknown or was not
            requested.
    """

    id: str
    embedding: FloatArray | None
    uri: str = ""
    metadata: Metadata = field(default_factory=dict)
    origin: str = ""
    update_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A found item.

    Attributes:
        item: a stored item.
        score: its cosine similarity to the query, in [-1, 1].
        group: the value that it shares with its group; None if hits are not grouped, or the item is
            in no group.
    """

    item: Item
    score: float
    group: object = None
