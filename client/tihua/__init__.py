"""tihua (题画): find pictures by a line of a poem.

    with tihua.Client("localhost:50051") as client:
        for hit in client.search(text="大漠孤烟直，长河落日圆", limit=5):
            print(hit.score, hit.id)

The clients are `Client`, which blocks, and `AsyncClient`, for asyncio; every call returns frozen
dataclasses and raises a `TihuaError`. The messages of the gRPC contract are in `tihua.v1`.
"""

import importlib
from typing import TYPE_CHECKING

from tihua._channel import DEFAULT_ADDRESS, DEFAULT_COLLECTION, DEFAULT_TIMEOUT_S
from tihua._copy_types import CopyProgress, CopySummary
from tihua._ingest.types import IngestProgress, IngestSummary, WriteMode
from tihua._preprocess import preprocess
from tihua._reindex.types import Content, ReindexProgress, ReindexStage, ReindexSummary
from tihua._search_types import Consistency, Hit, Query, SearchResult, Term
from tihua._server_types import (
    AliasMove,
    Collection,
    IndexName,
    Limits,
    LoadStateName,
    ModelInfo,
    ServerInfo,
)
from tihua._tls import Tls
from tihua._types import (
    UNKNOWN_TIME,
    Embedding,
    EmbeddingLike,
    EmbedResult,
    Field,
    ImageLike,
    Item,
    ItemError,
    ModelRef,
    Priority,
    RgbImage,
    ServerPath,
    Timing,
    UpsertResult,
)
from tihua._version import __version__
from tihua.errors import (
    AlreadyExistsError,
    DeadlineError,
    FailedPreconditionError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ServerError,
    TihuaError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from tihua._async_client import AsyncClient
    from tihua._client import Client
    from tihua._copy import copy_collection
    from tihua._reindex.reindex import reindex

__all__ = [
    "DEFAULT_ADDRESS",
    "DEFAULT_COLLECTION",
    "DEFAULT_TIMEOUT_S",
    "UNKNOWN_TIME",
    "AliasMove",
    "AlreadyExistsError",
    "AsyncClient",
    "Client",
    "Collection",
    "Consistency",
    "Content",
    "CopyProgress",
    "CopySummary",
    "DeadlineError",
    "EmbedResult",
    "Embedding",
    "EmbeddingLike",
    "FailedPreconditionError",
    "Field",
    "Hit",
    "ImageLike",
    "IndexName",
    "IngestProgress",
    "IngestSummary",
    "InvalidRequestError",
    "Item",
    "ItemError",
    "Limits",
    "LoadStateName",
    "ModelInfo",
    "ModelRef",
    "NotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "Priority",
    "Query",
    "ReindexProgress",
    "ReindexStage",
    "ReindexSummary",
    "RgbImage",
    "SearchResult",
    "ServerError",
    "ServerInfo",
    "ServerPath",
    "Term",
    "TihuaError",
    "Timing",
    "Tls",
    "UnauthenticatedError",
    "UnavailableError",
    "UnsupportedError",
    "UpsertResult",
    "WriteMode",
    "__version__",
    "copy_collection",
    "preprocess",
    "reindex",
]


_LATER = {
    "AsyncClient": "tihua._async_client",
    "Client": "tihua._client",
    "copy_collection": "tihua._copy",
    "reindex": "tihua._reindex.reindex",
}
"""Names whose modules import gRPC or threads. They are imported on first use, so that
`tihua --help`, and the server, which needs only the messages, start without them."""


def __getattr__(name: str) -> object:
    """Import a name of `_LATER` when it is first used."""
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, including those not imported yet."""
    return sorted({*globals(), *__all__})
