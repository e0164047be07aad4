"""A model that can be held up in the middle of a batch."""

import asyncio
import threading
from collections.abc import Sequence
from typing import cast

import tihua
from tihua_server.types import Encoder, FloatArray, TokenArray


class HeldEncoder:
    """Wraps a model; batches of texts wait until `may_go_on` is set."""

    def __init__(self, encoder: Encoder) -> None:
        """Let batches pass until `hold` is called."""
        self._encoder = encoder
        self.info = encoder.info
        self.image_streams = encoder.image_streams
        self.padding_cost = encoder.padding_cost
        self.tokenize = encoder.tokenize
        self.resize = encoder.resize
        self.encode_images = encoder.encode_images
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Wait until `may_go_on` is set, then encode."""
        self.has_begun.set()
        assert self.may_go_on.wait(300)  # other programs may have to start first
        return self._encoder.encode_texts(texts)

    async def hold(self, client: tihua.AsyncClient) -> "asyncio.Task[object]":
        """Keep the model busy with a call; return its task."""
        self.may_go_on.clear()
        self.has_begun.clear()
        task = asyncio.create_task(client.embed_text("忙"))
        assert await asyncio.to_thread(self.has_begun.wait, 60)
        return cast("asyncio.Task[object]", task)
