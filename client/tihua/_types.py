"""The values that go into a client and come out of it: pictures, embeddings, items, results.

All are frozen. Those of a search are in `_search_types.py`, those about a server and its
collections in `_server_types.py`, those of a bulk stream in `_ingest/types.py`.
"""

import os
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from tihua.errors import OverloadedError, TihuaError, error_for

__all__ = [
    "UNKNOWN_TIME",
    "EmbedResult",
    "Embedding",
    "EmbeddingLike",
    "Field",
    "ImageLike",
    "Item",
    "ItemError",
    "ModelRef",
    "Priority",
    "RgbImage",
    "ServerPath",
    "Timing",
    "UpsertResult",
]

if TYPE_CHECKING:
    from typing_extensions import Buffer

    Embedding: TypeAlias = array[float]
    EmbeddingLike: TypeAlias = Sequence[float] | Buffer
else:  # Python 3.11 knows neither array[float] nor Buffer
    Embedding = array
    EmbeddingLike = Sequence
"""Embeddings: as returned, an `array.array("f")` of length dim and L2 norm 1.

It has the buffer protocol, so `numpy.asarray(embedding)` is float32 and copies nothing. As input,
any sequence of numbers is accepted, and any one-dimensional buffer of float16, 32 or 64.
"""


UNKNOWN_TIME = datetime.fromtimestamp(0, UTC)
"""Written as an item's `update_time`, it says that the time is unknown."""


@dataclass(frozen=True, slots=True)
class RgbImage:
    """A decoded picture: made by `preprocess`, or pixels of your own.

    If it has the size of the model's input (`ModelInfo.image_size_px` squared), it is embedded
    unchanged; otherwise the server resizes it (bicubic, aspect ratio not kept).

    Attributes:
        data: height_px * width_px * 3 bytes: rows from the top, pixels from the left, red, green,
            blue.
        width_px: in pixels, 1 or more.
        height_px: in pixels, 1 or more.
    """

    data: bytes
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class ServerPath:
    """A picture file that the server reads itself, for example from a shared disk.

    Attributes:
        path: relative to the folder that the server's operator allowed (`--image-root`), with
            slashes: `2024/a.jpg`. `ServerInfo.takes_image_paths` tells whether there is one.
    """

    path: str


ImageLike: TypeAlias = bytes | os.PathLike[str] | RgbImage | ServerPath
"""A picture as input: the bytes of an encoded file, a path to one, or pixels.

JPEG, PNG, WebP, BMP, GIF or TIFF. A `str` is never taken for a path.
"""

Field: TypeAlias = Literal["uri", "metadata", "embedding", "update_time"]
"""What a returned item may carry besides its id."""

Priority: TypeAlias = Literal["interactive", "bulk"]
"""Interactive calls are computed first; bulk calls only when no interactive one waits."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model made an embedding.

    Attributes:
        id: its name: `tihua-tiny`, `ViT-B-16`.
        fingerprint: 16 hexadecimal digits over weights and preprocessing; embeddings with
            different fingerprints can't be compared.
    """

    id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of one call went on the server; stages overlap.

    Attributes:
        queue_us: the longest wait of an input for its batch, in microseconds.
        preprocess_us: decoding, resizing and tokenizing, the longest of any input, in microseconds.
        inference_us: the model, the longest batch that an input was part of, in microseconds.
        store_us: the store, in microseconds.
        total_us: from the request's arrival in the service to its answer, in microseconds.
        batch_size: size of the largest batch that an input was part of, other callers' included.
    """

    queue_us: int = 0
    preprocess_us: int = 0
    inference_us: int = 0
    store_us: int = 0
    total_us: int = 0
    batch_size: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """Something stored, or to be stored.

    Attributes:
        id: your key, unique in its collection; writing it again replaces the item.
        text: when writing, the text to embed. Give exactly one of text, image and embedding.
        image: when writing, the picture to embed.
        embedding: when writing, an embedding made by the collection's model; when reading, the
            stored one if it was asked for, else None.
        uri: where the picture can be found; stored and returned as it is, never opened.
        metadata: JSON values by name, to filter by or to get back. Whole numbers come back as
            int; give those beyond 2**53 as strings.
        update_time: when its content was written. When writing: None means now; a given time is
            kept, for copies; `UNKNOWN_TIME` means unknown. When reading: in UTC, None if it was not
            asked for or is unknown.
    """

    id: str
    _: KW_ONLY
    text: str | None = None
    image: ImageLike | None = None
    embedding: EmbeddingLike | None = None
    uri: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    update_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why one input of a call failed, which does not affect the others.

    Attributes:
        index: its position among the inputs, from 0.
        id: its id, if it has one.
        code: the gRPC status by name: `INVALID_ARGUMENT`.
        reason: stable and machine-readable: `UNREADABLE_IMAGE`.
        message: one sentence for people: the value, the bound, the remedy.
        metadata: the values that the message names.
        retryable: whether the same input may succeed later.
    """

    index: int
    id: str
    code: str
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    retryable: bool = False

    def to_exception(self) -> TihuaError:
        """Return the exception that a call about this one input would have raised."""
        return error_for(
            self.code,
            self.message,
            reason=self.reason,
            metadata=self.metadata,
            retry_after=self._retry_after(),
        )

    def _retry_after(self) -> float | None:
        """Return the delay before a retry, in seconds; None if a retry does not help."""
        if not self.retryable:
            return None
        try:
            return float(self.metadata["retry_after_s"])
        except (KeyError, ValueError):
            return OverloadedError.retry_after


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """One embedding per input.

    Attributes:
        embeddings: in the order of the inputs, each of length dim and L2 norm 1; None for an input
            that failed.
        errors: the inputs that failed, by index.
        model: the model that made the embeddings.
        timing: where the time went.
        truncated_texts: the indexes of the texts of which only the beginning was embedded.
    """

    embeddings: tuple[Embedding | None, ...]
    errors: tuple[ItemError, ...]
    model: ModelRef
    timing: Timing
    truncated_texts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class UpsertResult:
    """The result of `upsert`.

    Attributes:
        written: number of items embedded and written; if several have the same id, each is counted,
            though only the last is kept.
        errors: those that failed, by index.
        model: the model that embedded them.
        timing: where the time went.
    """

    written: int
    errors: tuple[ItemError, ...]
    model: ModelRef
    timing: Timing
