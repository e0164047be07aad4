"""An item, as it is stored, and a hit, as it is found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from tihua_server.types import FloatArray

Metadata: TypeAlias = Mapping[str, object]
"""What a caller keeps beside an item: JSON values by name."""


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
