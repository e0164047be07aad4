"""A model that fails or hangs when a test wants it to."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fake_encoder import FakeEncoder
from tihua_server.embedder import Embedder
from tihua_server.errors import ModelError
from tihua_server.types import Content, FloatArray, Kind, PixelArray, RgbImage, Text, TokenArray

SIZE = FakeEncoder.info.image_size
INPUTS: dict[Kind, Content] = {
    Kind.TEXT: Text("马"),
    Kind.IMAGE: RgbImage(bytes(SIZE * SIZE * 3), SIZE, SIZE),
}


class TroubledEncoder(FakeEncoder):
    """A model that may fail, or hang.

    Attributes:
        fails: tells whether it fails at a batch.
        may_go_on: at batches where it does not fail, it hangs until this is set.
        has_begun: set when a batch that does not fail has started.
        has_computed: set when it has computed something.
    """

    def __init__(self) -> None:
        """Start healthy."""
        super().__init__()
        self.fails: Callable[[Kind, Sequence[Any]], bool] = lambda kind, batch: False
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()
        self.has_computed = threading.Event()

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Encode, fail or hang."""
        self._begin(Kind.TEXT, texts)
        return super().encode_texts(texts)

    def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
        """Encode, fail or hang."""
        self._begin(Kind.IMAGE, images)
        return super().encode_images(images)

    def _begin(self, kind: Kind, batch: Sequence[Any]) -> None:
        if self.fails(kind, batch):
            raise ModelError("it is out of memory")
        self.has_begun.set()
        assert self.may_go_on.wait(60)
        self.has_computed.set()


async def fail(embedder: Embedder, content: Content) -> None:
    """Have the model fail at three batches."""
    for _ in range(3):
        with pytest.raises(ModelError):
            await embedder.embed([content])
