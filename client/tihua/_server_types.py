"""The descriptions of a server and its collections that a client gets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from tihua._types import ModelRef

__all__ = [
    "AliasMove",
    "Collection",
    "IndexName",
    "Limits",
    "LoadStateName",
    "ModelInfo",
    "ServerInfo",
]

IndexName: TypeAlias = Literal["AUTOINDEX", "FLAT", "HNSW", "IVF_FLAT"]
"""The type of an index, by its name in Milvus."""

LoadStateName: TypeAlias = Literal["unknown", "released", "loading", "loaded"]
"""Whether a collection can be searched now."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds on what a client may send; each is inclusive.

    Attributes:
        max_message_bytes: bytes of one gRPC message, in either direction.
        max_batch_items: inputs of one embedding, upsert or search_many call or ingest batch.
        max_image_bytes: bytes of one encoded picture.
        max_image_pixels: width times height of one picture.
        max_text_chars: characters (Unicode code points) of one text.
        max_queue_size: texts, and as many pictures, that may wait or be processed in each lane
            (interactive or bulk); further calls are refused.
        max_page_size: hits or items of one answer, and ids of one get_items or delete_items call.
        max_search_window: hits that can be reached over all pages of one search.
        max_query_terms: terms of one query.
        max_id_bytes: bytes of an item's id, as UTF-8.
        max_uri_bytes: bytes of an item's uri, as UTF-8.
        max_metadata_bytes: bytes of an item's metadata, as JSON in UTF-8.
        max_streams_per_client: ingest streams that one token, or one address, may have open.
        max_calls_per_connection: calls in progress on one connection; further ones wait in the
            client.
        max_header_bytes: bytes of the metadata of one call.
        min_ping_interval_s: minimum interval of pings while no data flows, in seconds.
    """

    max_message_bytes: int
    max_batch_items: int
    max_image_bytes: int
    max_image_pixels: int
    max_text_chars: int
    max_queue_size: int
    max_page_size: int
    max_search_window: int
    max_query_terms: int
    max_id_bytes: int
    max_uri_bytes: int
    max_metadata_bytes: int
    max_streams_per_client: int
    max_calls_per_connection: int
    max_header_bytes: int
    min_ping_interval_s: int


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that the server serves.

    Attributes:
        ref: name and fingerprint.
        dim: length of its embeddings.
        image_size_px: side of the square, in pixels, to which pictures are resized.
        context_length: maximum tokens of a text, including [CLS] and [SEP]; longer texts are cut.
        engine: the library that computes it: `torch`.
        device: the device that it runs on: `cpu`, `cuda:0`.
        precision: the precision that it is computed in: `fp32`.
    """

    ref: ModelRef
    dim: int
    image_size_px: int
    context_length: int
    engine: str
    device: str
    precision: str


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The description of a server.

    Attributes:
        version: the version of tihua that it runs.
        limits: the bounds on what a client may send.
        models: the models that it serves; the first is the default.
        store: the store and its version: `Milvus Lite 3.2.2`.
        takes_image_paths: whether it reads files that a `ServerPath` names.
    """

    version: str
    limits: Limits
    models: tuple[ModelInfo, ...]
    store: str
    takes_image_paths: bool = False


@dataclass(frozen=True, slots=True)
class Collection:
    """A set of items whose embeddings were made by one model.

    Attributes:
        name: letters, digits and underscores, not starting with a digit; 1 to 255.
        description: one line for people.
        model: the model it is bound to.
        dim: length of its embeddings.
        index: the type of its index.
        index_params: the build parameters of the index: `nlist`, or `M` and `efConstruction`.
        shards: number of shards, as the store reports it.
        item_count: exact number of items; for a released collection, the store's estimate.
        load_state: whether it can be searched now.
        create_time: when it was created, in UTC; None if the store does not report it.
        aliases: other names of it, sorted.
    """

    name: str
    description: str
    model: ModelRef
    dim: int
    index: IndexName
    index_params: Mapping[str, int]
    shards: int
    item_count: int
    load_state: LoadStateName
    create_time: datetime | None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AliasMove:
    """What changed when an alias was pointed to a collection.

    Attributes:
        previous: the name of the collection that it pointed to before; empty for a new alias. It is
            the new collection's name if the alias pointed there already, or the call was retried.
        settle_s: seconds until no server of the store resolves the alias to the previous collection
            any more, and no write to that collection through the alias is still in progress.
    """

    previous: str
    settle_s: float
