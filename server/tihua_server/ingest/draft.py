"""An item to be written, its checks, and what to do if its id is taken."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from tihua._reserved_keys import is_reserved

from tihua_server.config import Limits
from tihua_server.errors import InvalidInput, ServiceError
from tihua_server.item import Item, Metadata
from tihua_server.types import Content, FloatArray

UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)
"""Stands for an unknown update time, as the contract defines it."""


class WriteMode(Enum):
    """What to do with an id that is already stored; see `ingest_service.proto`."""

    UPSERT = "upsert"
    INSERT_ONLY = "insert-only"
    SKIP_EXISTING = "skip-existing"


@dataclass(frozen=True, slots=True)
class Draft:
    """An item to be written: its content, or the error that reading it gave.

    Attributes:
        id, uri, metadata: as in `Item`.
        content: what is embedded.
        origin: identifies the write: a stored item of the same id and origin is this one, already
            written.
        update_time: in UTC; `UNKNOWN_TIME`, or None for the time at which it will be written.
    """

    id: str
    content: Content | ServiceError
    uri: str = ""
    metadata: Metadata = field(default_factory=dict)
    origin: str = ""
    update_time: datetime | None = None

    def checked(self, limits: Limits) -> Content:
        """Return what is embedded.

        Raises:
            ServiceError: the content could not be read, or a part of the item is invalid.
        """
        if not self.id:
            raise InvalidInput(
                "item has no id; give each item a key of its own", reason="EMPTY_ID", field="id"
            )
        _check_bytes("id", self.id, limits.max_id_bytes)
        _check_bytes("uri", self.uri, limits.max_uri_bytes)
        for key in self.metadata:
            if is_reserved(key):
                raise InvalidInput(
                    f"metadata key {key!r} is reserved; rename it",
                    reason="RESERVED_KEY",
                    field=f"metadata.{key}",
                )
        _check_bytes(
            "metadata", json.dumps(self.metadata, ensure_ascii=False), limits.max_metadata_bytes
        )
        if isinstance(self.content, ServiceError):
            raise self.content
        return self.content

    def item(self, embedding: FloatArray) -> Item:
        """Return the item with its embedding."""
        return Item(self.id, embedding, self.uri, self.metadata, self.origin, self.update_time)


def _check_bytes(part: str, value: str, max_bytes: int) -> None:
    size = len(value.encode())
    if size > max_bytes:
        raise InvalidInput(
            f"{part} is {size} bytes; the limit is {max_bytes}",
            reason=f"{part.upper()}_TOO_LONG",
            field=part,
            metadata={"bytes": size, f"max_{part}_bytes": max_bytes},
        )
