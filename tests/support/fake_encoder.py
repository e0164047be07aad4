"""A fake model that is quick and exact."""

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL.Image import Image
from tihua._picture.decoding import Box, resize
from tihua_server.types import FloatArray, ModelInfo, ModelRef, PixelArray, TokenArray, Tokens


class FakeEncoder:
    """Hashes its input into a unit vector: equal inputs match in search, others hardly ever."""

    info = ModelInfo(
        ref=ModelRef("fake", "fa4efa4efa4efa4e"),
        dim=32,
        image_size=16,
        context_length=52,
        device="cpu",
        precision="fp32",
        engine="hash",
    )

    padding_cost = 1.0

    def __init__(self, image_streams: int = 0) -> None:
        """Start with an empty record of batch sizes."""
        self.image_streams = image_streams
        self.batch_sizes: list[int] = []

    def tokenize(self, text: str) -> Tokens:
        """Return one token per character."""
        ids = [101, *(ord(character) for character in text[:50]), 102]
        return Tokens(np.array(ids, np.int64), is_truncated=len(text) > 50)

    def resize(self, image: Image, size: int, box: Box | None = None) -> Image:
        """Resize as a client does."""
        return resize(image, size, box)

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Hash the tokens."""
        return self._encode([tokens.tobytes() for tokens in texts])

    def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
        """Hash the pixels."""
        return self._encode([pixels.tobytes() for pixels in images])

    def _encode(self, inputs: Sequence[bytes]) -> FloatArray:
        self.batch_sizes.append(len(inputs))
        rows = [
            np.random.default_rng(
                int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())
            ).standard_normal(self.info.dim)
            for content in inputs
        ]
        return np.array([row / np.linalg.norm(row) for row in rows], np.float32)
