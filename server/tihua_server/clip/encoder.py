"""The `Encoder` of every model: tokens and pixels into batches, batches through an engine."""

from collections.abc import Sequence

import numpy as np
from PIL.Image import Image
from tihua._picture.decoding import Box

from tihua_server.clip.engine import Engine
from tihua_server.clip.model import ClipModel
from tihua_server.clip.resizing import resize
from tihua_server.clip.tokenizer import Tokenizer, padded
from tihua_server.errors import ModelError
from tihua_server.types import FloatArray, ModelInfo, PixelArray, TokenArray, Tokens


class ClipEncoder:
    """Embeds texts and pictures into one space, with a model and its engine."""

    def __init__(self, model: ClipModel, engine: Engine) -> None:
        """Encode with `engine`, which must run `model`."""
        self.info = ModelInfo(
            ref=model.ref,
            dim=model.dim,
            image_size=model.image_size,
            context_length=model.context_length,
            device=engine.device,
            precision=engine.precision,
            engine=engine.name,
        )
        self.image_streams = engine.image_streams
        self.padding_cost = engine.padding_cost
        self._engine = engine
        self._tokenizer = Tokenizer(model.context_length)

    def tokenize(self, text: str) -> Tokens:
        """Return the tokens of one text, cut to `info.context_length`; thread-safe."""
        return self._tokenizer.tokenize(text)

    def resize(self, image: Image, size: int, box: Box | None = None) -> Image:
        """Return a picture, or its part within `box`, resized to a square by torch; thread-safe."""
        return resize(image, size, box)

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Return one embedding per text: (len(texts), dim) float32 on the CPU, L2 norm 1.

        Texts are padded to the longest of them and not to the context: padding is masked, so the
        embeddings are the same, at a fraction of the time.

        Raises:
            ModelError: the model failed, for example by running out of memory.
        """
        return self._normalized(self._engine.embed_texts(padded(texts)))

    def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
        """Return one embedding per picture: (len(images), dim) float32 on the CPU, L2 norm 1.

        Args:
            images: (image_size, image_size, 3) uint8 RGB.

        Raises:
            ModelError: the model failed, for example by running out of memory.
        """
        pixels = images[0][np.newaxis] if len(images) == 1 else np.stack(images)
        return self._normalized(self._engine.embed_images(pixels))

    def _normalized(self, features: FloatArray) -> FloatArray:
        norms = np.linalg.norm(features, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise ModelError(
                f"{self.info.ref.id} made an embedding that is zero or not finite; its checkpoint"
                " is damaged: fetch it again",
                reason="MODEL_NOT_FINITE",
            )
        rows: FloatArray = features / norms
        return rows
