"""What is embedded, and the interface to the model.

Knows neither gRPC nor torch. The protocol `Encoder` is all that the service needs of a model; a new
model is a file with its methods.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL.Image import Image
from tihua._picture.decoding import Box

FloatArray: TypeAlias = npt.NDArray[np.float32]
"""Embeddings: (dim,) or (count, dim), of L2 norm 1 unless stated otherwise."""

PixelArray: TypeAlias = npt.NDArray[np.uint8]
"""Preprocessed pictures: (side, side, 3), or (batch, side, side, 3); RGB, 0 to 255."""

TokenArray: TypeAlias = npt.NDArray[np.int64]
"""Token ids, [CLS] and [SEP] included, at most `context_length` long: (length,), or
(batch, length) padded with 0."""


class Kind(StrEnum):
    """What is embedded: a kind has queues of its own."""

    TEXT = "text"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model made an embedding.

    Attributes:
        id: its name, for people: `ViT-B-16`.
        fingerprint: 16 hexadecimal digits over weights and preprocessing. Engine, device and
            precision are left out: they must agree (`clip/agreement.py`), and embeddings of one
            fingerprint may therefore be compared whatever computed them.
    """

    id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The description of a model.

    Attributes:
        ref: name and fingerprint.
        dim: length of an embedding.
        image_size: side of the square, in pixels, to which pictures are resized.
        context_length: tokens per text, [CLS] and [SEP] included; longer texts are cut.
        device: `cpu` or `cuda:0`.
        precision: `fp32`, `bf16` or `int8`.
        engine: what computes: `torch` or `openvino`.
    """

    ref: ModelRef
    dim: int
    image_size: int
    context_length: int
    device: str
    precision: str
    engine: str

    @property
    def text_tokens(self) -> int:
        """Tokens of a text that the model reads: all but [CLS] and [SEP]."""
        return self.context_length - 2


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenized text, and whether it was cut."""

    ids: TokenArray
    is_truncated: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A text to embed."""

    content: str


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A picture as a file: JPEG, PNG, WebP, BMP, GIF or TIFF."""

    content: bytes


@dataclass(frozen=True, slots=True)
class ImagePath:
    """A picture file on the server, named by the caller relative to `Config.image_root`."""

    path: str


@dataclass(frozen=True, slots=True)
class RgbImage:
    """A picture as pixels: height_px * width_px * 3 bytes, rows from the top, RGB."""

    data: bytes
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Vector:
    """An embedding that the caller supplies: (dim,) float32 of L2 norm 1."""

    embedding: FloatArray


Picture: TypeAlias = EncodedImage | ImagePath | RgbImage
"""A picture in any form."""

Content: TypeAlias = Text | Picture | Vector
"""Anything that can be embedded."""


class Encoder(Protocol):
    """A CLIP model: text and pictures into one space.

    `tokenize` and `resize` may be called from several threads at once. `image_streams` says how the
    two `encode_…` methods may be called; a batch is never empty.
    """

    info: ModelInfo

    image_streams: int
    """Batches of pictures that may be computed at once, each in a thread of its own, and beside
    them one batch of texts. 0: texts and pictures take turns in one thread.
    """

    padding_cost: float
    """The cost of a place of padding in a batch of texts, in tokens: 1 if it is computed."""

    def tokenize(self, text: str) -> Tokens:
        """Return the tokens of one text, cut to `info.context_length`."""

    def resize(self, image: Image, size: int, box: Box | None = None) -> Image:
        """Return a picture, or its part within `box`, as a square of `size` pixels: bicubic."""

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Return one embedding per text: (len(texts), dim) float32 on the CPU, L2 norm 1.

        Raises:
            ModelError: the model failed, for example for want of memory.
        """

    def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
        """Return one embedding per picture: (len(images), dim) float32 on the CPU, L2 norm 1.

        Raises:
            ModelError: the model failed, for example for want of memory.
        """
