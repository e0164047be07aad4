"""The messages of an ingest stream, independent of gRPC: batches in, events out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tihua_server.ingest.draft import Draft
from tihua_server.ingest.session import BatchFailure, Progress


@dataclass(frozen=True, slots=True)
class DraftBatch:
    """A batch from a client: its number in the session, its items, its size on the wire.

    The bookmark is the client's note of where among its items the batch ends.
    """

    seq: int
    drafts: Sequence[Draft]
    size_bytes: int
    bookmark: str = ""


@dataclass(frozen=True, slots=True)
class Credit:
    """Permission to send, in batches and bytes; grants add up."""

    batches: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Started:
    """The first event."""

    committed_seq: int
    bookmark: str
    credit: Credit


@dataclass(frozen=True, slots=True)
class Ack:
    """Every batch up to `progress.committed_seq` is in the store, or its items failed."""

    progress: Progress
    failures: list[BatchFailure]


@dataclass(frozen=True, slots=True)
class DrainingNotice:
    """The server is shutting down: send nothing more."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The last event of a stream that ended well."""

    progress: Progress
    elapsed_s: float


Event: TypeAlias = Started | Credit | Ack | DrainingNotice | Summary
