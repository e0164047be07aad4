"""The two queues of a model, tokens and pixels, and what computes their batches.

A model that computes pictures in streams gets a thread for each, and one for texts, so that a query
never waits for a picture. With any other, texts and pictures share one thread. The threads are
those of all models of the server (`capacity.py`).
"""

from functools import partial
from typing import Any

import numpy as np

from tihua_server.batcher import Batcher
from tihua_server.capacity import Capacity
from tihua_server.config import Config
from tihua_server.lane import Lane
from tihua_server.observer import Kind, Observer
from tihua_server.types import Encoder, FloatArray, PixelArray, TokenArray

SAMPLE_TEXT = "夕阳西下"


class ModelQueues:
    """Where prepared inputs wait for the model.

    Attributes:
        texts: of token ids, (length,) each.
        images: of pixels, (image_size, image_size, 3) uint8 each.
    """

    def __init__(
        self, encoder: Encoder, config: Config, capacity: Capacity, observer: Observer
    ) -> None:
        """Take the model, the bounds on a batch, whose threads compute, and who hears of batches.

        Args:
            encoder: the model.
            config: the bounds.
            capacity: the threads; hears of failed batches, too.
            observer: hears of every batch.
        """
        self._encoder = encoder
        self._capacity = capacity
        self._observer = observer
        self.texts: Batcher[TokenArray, FloatArray] = Batcher(
            lambda batch: list(encoder.encode_texts(batch)),
            workers=capacity.text_workers,
            max_batch_size=config.max_batch_size,
            max_batch_s=config.max_batch_ms / 1000,
            size_of=len,
            padding_cost=encoder.padding_cost,
            yields_to=capacity.image_workers if encoder.image_streams else None,
            gathers=True,
            when_computed=partial(observer.batch_computed, encoder.info.ref.id, Kind.TEXT),
            when_failed=partial(self._batch_failed, Kind.TEXT),
        )
        self.images: Batcher[PixelArray, FloatArray] = Batcher(
            lambda batch: list(encoder.encode_images(batch)),
            workers=capacity.image_workers,
            max_batch_size=config.max_batch_size,
            max_batch_s=config.max_batch_ms / 1000,
            when_computed=partial(observer.batch_computed, encoder.info.ref.id, Kind.IMAGE),
            when_failed=partial(self._batch_failed, Kind.IMAGE),
        )

    def of(self, kind: Kind) -> Batcher[Any, FloatArray]:
        """Return the queue of a kind."""
        return self.texts if kind is Kind.TEXT else self.images

    async def compute_sample(self, kind: Kind, *, lane: Lane = Lane.INTERACTIVE) -> None:
        """Have the model compute a short text or a blank picture, which nobody asked for.

        It waits in the queue of everybody, even if that is full, and shares a batch with nobody.

        Raises:
            ModelError: the model failed.
        """
        if kind is Kind.TEXT:
            tokens = self._encoder.tokenize(SAMPLE_TEXT).ids
            await self.texts.submit(tokens, lane=lane, alone=True)
        else:
            size = self._encoder.info.image_size
            await self.images.submit(np.zeros((size, size, 3), np.uint8), lane=lane, alone=True)

    def close(self) -> None:
        """Take no more work; whoever still waits gets `Draining`."""
        self.texts.close()
        self.images.close()

    def _batch_failed(self, kind: Kind, error: Exception) -> None:
        self._observer.batch_failed(self._encoder.info.ref.id, kind, error)
        self._capacity.batch_failed(error)
