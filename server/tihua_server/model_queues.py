"""A model's two queues, of tokens and of pixels, and the threads that compute their batches.

If a model computes pictures in streams, each stream has a thread, and texts have one of their own,
so that a query never waits for a picture. Otherwise texts and pictures share one thread. All models
of the server share these threads (`capacity.py`).
"""

from functools import partial
from typing import Any

import numpy as np

from tihua_server.batching.batcher import Batcher
from tihua_server.batching.lane import Lane
from tihua_server.capacity import Capacity
from tihua_server.config import Config
from tihua_server.observer import Observer
from tihua_server.types import Encoder, FloatArray, Kind, PixelArray, TokenArray

SAMPLE_TEXT = "夕阳西下"


class ModelQueues:
    """Where prepared inputs wait for the model.

    Attributes:
        texts: of token ids, (length,) each.
        pictures: of pixels, (image_size, image_size, 3) uint8 each.
    """

    def __init__(
        self, encoder: Encoder, config: Config, capacity: Capacity, observer: Observer
    ) -> None:
        """Make the queues of a model, whose batches run in the threads of `capacity`.

        Args:
            encoder: the model.
            config: the bounds on a batch.
            capacity: the threads; also notified of failed batches.
            observer: notified of every batch.
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
            yields_to=capacity.picture_workers if encoder.image_streams else None,
            gathers=True,
            when_computed=partial(observer.batch_computed, encoder.info.ref.id, Kind.TEXT),
            when_failed=partial(self._batch_failed, Kind.TEXT),
        )
        self.pictures: Batcher[PixelArray, FloatArray] = Batcher(
            lambda batch: list(encoder.encode_images(batch)),
            workers=capacity.picture_workers,
            max_batch_size=config.max_batch_size,
            max_batch_s=config.max_batch_ms / 1000,
            when_computed=partial(observer.batch_computed, encoder.info.ref.id, Kind.IMAGE),
            when_failed=partial(self._batch_failed, Kind.IMAGE),
        )

    def of(self, kind: Kind) -> Batcher[Any, FloatArray]:
        """Return the queue of a kind."""
        return self.texts if kind is Kind.TEXT else self.pictures

    async def compute_sample(self, kind: Kind, *, lane: Lane = Lane.INTERACTIVE) -> None:
        """Compute a sample: a short text or a blank picture.

        It waits in the common queue, even if that is full, and gets a batch of its own.

        Raises:
            ModelError: the model failed.
        """
        if kind is Kind.TEXT:
            tokens = self._encoder.tokenize(SAMPLE_TEXT).ids
            await self.texts.submit(tokens, lane=lane, alone=True)
        else:
            size = self._encoder.info.image_size
            await self.pictures.submit(np.zeros((size, size, 3), np.uint8), lane=lane, alone=True)

    async def warm_up(self) -> None:
        """Compute samples, so that the first callers do not pay for the warm-up.

        Two in each thread: pictures that are submitted one by one go to the threads in turn. From
        the second on a batch takes its usual time, which decides how large the next one may be.

        Raises:
            ModelError: the model failed.
        """
        # As bulk: no caller is waiting.
        for _ in range(2):
            await self.compute_sample(Kind.TEXT, lane=Lane.BULK)
        for _ in range(2 * self._capacity.picture_workers.count):
            await self.compute_sample(Kind.IMAGE, lane=Lane.BULK)

    def close(self) -> None:
        """Accept no more work; every caller who is still waiting gets `Draining`."""
        self.texts.close()
        self.pictures.close()

    def _batch_failed(self, kind: Kind, error: Exception) -> None:
        self._observer.batch_failed(self._encoder.info.ref.id, kind, error)
        self._capacity.batch_failed(error)
