"""The steps of an ingest: what `IngestSession.next_step` tells its driver to do."""

from dataclasses import dataclass
from typing import TypeAlias

from tihua._types import Item
from tihua.v1.ingest_service_pb2 import IngestRequest


@dataclass(frozen=True)
class Send:
    """Send this batch."""

    request: IngestRequest


@dataclass(frozen=True)
class Ask:
    """Ask the server which of these ids are stored, and pass those to `answer`."""

    ids: list[str]


@dataclass(frozen=True)
class Read:
    """Make a message of this item, and pass it to `add`; or to `reject`, if that fails."""

    item: Item


@dataclass(frozen=True)
class Take:
    """Take the caller's next item, and pass it to `offer`; after the last one call `end`."""


@dataclass(frozen=True)
class HalfClose:
    """Half-close the stream: everything is sent."""


@dataclass(frozen=True)
class Wait:
    """Wait for the server's next message, and pass it to `receive`."""


Step: TypeAlias = Send | Ask | Read | Take | HalfClose | Wait
