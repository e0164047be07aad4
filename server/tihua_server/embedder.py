"""Texts, pictures and vectors → embeddings: check, preprocess in threads, batch, encode.

Every input goes its own way and meets others in the batcher only, already tokens or pixels. So an
input that can't be read fails alone, and the model never sees it.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

import numpy as np

from tihua_server.batcher import Batched, Batcher, Lane
from tihua_server.config import Limits
from tihua_server.errors import InvalidInput, NotFound, ServiceError, TooLarge
from tihua_server.images import decode_image, pixels_from_rgb
from tihua_server.types import (
    Content,
    EncodedImage,
    Encoder,
    FloatArray,
    ModelInfo,
    PixelArray,
    RgbImage,
    Text,
    TokenArray,
    Tokens,
    Vector,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stages:
    """How long each stage of a call took, in seconds: the longest of any input.

    Attributes:
        queue_s: waiting for a batch.
        preprocess_s: decoding, resizing, tokenizing, waiting for a thread included.
        inference_s: the model, for the whole batch.
        store_s: the store.
        batch_size: the largest batch.
    """

    queue_s: float = 0.0
    preprocess_s: float = 0.0
    inference_s: float = 0.0
    store_s: float = 0.0
    batch_size: int = 0

    def merge(self, other: "Stages") -> "Stages":
        """Return the longer of each stage."""
        return Stages(
            queue_s=max(self.queue_s, other.queue_s),
            preprocess_s=max(self.preprocess_s, other.preprocess_s),
            inference_s=max(self.inference_s, other.inference_s),
            store_s=max(self.store_s, other.store_s),
            batch_size=max(self.batch_size, other.batch_size),
        )


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of the inputs of one call, in their order: an embedding or why there is none."""

    rows: list[FloatArray | ServiceError]
    stages: Stages


class Embedder:
    """Runs the model for everybody who needs an embedding."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        limits: Limits,
        max_batch_size: int,
        max_queue_size: int,
        preprocess_threads: int,
    ) -> None:
        """Take the model; call `start` inside the event loop."""
        self._encoder = encoder
        self._limits = limits
        self._model_thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._preprocess_threads = ThreadPoolExecutor(
            preprocess_threads, thread_name_prefix="preprocess"
        )
        # A decoded picture may take 150 MB before it is resized: no more of them than threads.
        self._decoding = asyncio.Semaphore(preprocess_threads)
        self._texts: Batcher[TokenArray, FloatArray] = Batcher(
            lambda batch: list(encoder.encode_texts(batch)),
            executor=self._model_thread,
            max_batch_size=max_batch_size,
            max_queue_size=max_queue_size,
        )
        self._images: Batcher[PixelArray, FloatArray] = Batcher(
            lambda batch: list(encoder.encode_images(batch)),
            executor=self._model_thread,
            max_batch_size=max_batch_size,
            max_queue_size=max_queue_size,
        )

    @property
    def model(self) -> ModelInfo:
        """The model that embeds."""
        return self._encoder.info

    def start(self) -> None:
        """Begin to take inputs."""
        self._texts.start()
        self._images.start()

    async def close(self) -> None:
        """Stop; whoever still waits gets `Draining`."""
        await asyncio.gather(self._texts.close(), self._images.close())
        self._model_thread.shutdown(wait=True, cancel_futures=True)
        self._preprocess_threads.shutdown(wait=True, cancel_futures=True)

    async def warm_up(self) -> None:
        """Run text and picture once, so that the first caller does not pay for it."""
        size = self.model.image_size
        blank = RgbImage(bytes(size * size * 3), size, size)
        await self.embed([Text("夕阳西下"), blank])

    def require_model(self, name: str) -> None:
        """Raise `NotFound` unless `name` is empty or the model's."""
        if name and name != self.model.ref.id:
            raise NotFound(
                f"model {name} is not served here; this server has {self.model.ref.id}",
                reason="MODEL_NOT_FOUND",
                field="model",
            )

    async def embed(
        self,
        contents: Sequence[Content | ServiceError],
        *,
        lane: Lane = Lane.INTERACTIVE,
        truncate: bool = True,
        wait: bool = False,
    ) -> Embedded:
        """Return an embedding, or the reason why there is none, for each input.

        Args:
            contents: texts, pictures and vectors, mixed as you like; an input that could not be
                read is given as its error, and keeps its place.
            lane: which inputs go first.
            truncate: cut texts that are longer than the model's context, instead of failing them.
            wait: if the queue is full, wait for room instead of refusing.

        Raises:
            Overloaded: the queue has no room for all of them.
            ModelError: the model failed.
        """
        if not wait:
            is_text = [isinstance(content, Text) for content in contents]
            self._texts.refuse_if_full(lane, sum(is_text))
            self._images.refuse_if_full(lane, len(is_text) - sum(is_text))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._embed_one(content, lane, truncate, wait))
                    for content in contents
                ]
        except ExceptionGroup as failures:
            # The first is as good as any: it is the server's trouble, and the same for all.
            raise failures.exceptions[0] from None
        rows, stages = [], Stages()
        for task in tasks:
            row, row_stages = task.result()
            rows.append(row)
            stages = stages.merge(row_stages)
        return Embedded(rows, stages)

    async def _embed_one(
        self, content: Content | ServiceError, lane: Lane, truncate: bool, wait: bool
    ) -> tuple[FloatArray | ServiceError, Stages]:
        start_s = perf_counter()
        preprocess_s = 0.0
        batched: Batched[FloatArray]
        try:
            match content:
                case ServiceError():
                    return content, Stages()
                case Vector(embedding):
                    self._check_dim(embedding)
                    return embedding, Stages()
                case Text(text):
                    tokens = await self._preprocess(self._tokenize, text, truncate)
                    preprocess_s = perf_counter() - start_s
                    batched = await self._texts.submit(tokens.ids, lane=lane, wait=wait)
                case EncodedImage() | RgbImage():
                    async with self._decoding:
                        pixels = await self._preprocess(self._decode, content)
                    preprocess_s = perf_counter() - start_s
                    batched = await self._images.submit(pixels, lane=lane, wait=wait)
        except (InvalidInput, TooLarge) as error:
            return error, Stages(preprocess_s=perf_counter() - start_s)
        return batched.result, Stages(
            queue_s=batched.queue_time_s,
            preprocess_s=preprocess_s,
            inference_s=batched.inference_time_s,
            batch_size=batched.batch_size,
        )

    async def _preprocess(self, function: Callable[..., T], *args: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._preprocess_threads, function, *args)

    def _tokenize(self, text: str, truncate: bool) -> Tokens:
        if not text.strip():
            raise InvalidInput(
                "text is empty; it needs at least one character that is not white space",
                reason="EMPTY_TEXT",
            )
        if len(text) > self._limits.max_text_chars:
            raise InvalidInput(
                f"text is {len(text)} characters; the limit is {self._limits.max_text_chars}",
                reason="TEXT_TOO_LONG",
                metadata={"chars": len(text), "max_text_chars": self._limits.max_text_chars},
            )
        tokens = self._encoder.tokenize(text)
        if tokens.is_truncated and not truncate:
            raise InvalidInput(
                f"text is longer than the model's context of {self.model.context_length} tokens; "
                "shorten it, or allow truncation",
                reason="TEXT_TRUNCATED",
            )
        return tokens

    def _decode(self, image: EncodedImage | RgbImage) -> PixelArray:
        size, limits = self.model.image_size, self._limits
        if isinstance(image, RgbImage):
            _check_pixels(image, limits.max_image_pixels)
            return pixels_from_rgb(image.data, image.width_px, image.height_px, size)
        if len(image.content) > limits.max_image_bytes:
            raise TooLarge(
                f"picture is {len(image.content)} bytes; the limit is {limits.max_image_bytes}; "
                "send a smaller copy, the model sees "
                f"{size} x {size} pixels of it",
                reason="IMAGE_TOO_LARGE",
                metadata={"bytes": len(image.content), "max_image_bytes": limits.max_image_bytes},
            )
        return decode_image(image.content, size, max_pixels=limits.max_image_pixels)

    def _check_dim(self, embedding: FloatArray) -> None:
        if embedding.shape != (self.model.dim,):
            raise InvalidInput(
                f"embedding has {embedding.shape[-1]} dimensions; "
                f"{self.model.ref.id} makes {self.model.dim}",
                reason="WRONG_DIMENSION",
                metadata={"dim": embedding.shape[-1], "expected": self.model.dim},
            )


def normalized(vector: FloatArray, field: str = "") -> FloatArray:
    """Return `vector` scaled to L2 norm 1, as float32.

    Args:
        vector: (dim,), any length and finite.
        field: the request field that it came from, for the error.

    Raises:
        InvalidInput: an element is NaN or infinite, or all are zero.
    """
    if not np.isfinite(vector).all():
        raise InvalidInput(
            "embedding has an element that is NaN or infinite", reason="NOT_FINITE", field=field
        )
    wide = vector.astype(np.float64)
    norm = np.linalg.norm(wide)
    if norm == 0:
        raise InvalidInput(
            "embedding is all zero; it has no direction", reason="ZERO_VECTOR", field=field
        )
    result: FloatArray = (wide / norm).astype(np.float32)
    return result


def _check_pixels(image: RgbImage, max_pixels: int) -> None:
    if image.width_px * image.height_px > max_pixels:
        raise TooLarge(
            f"picture is {image.width_px} x {image.height_px} pixels; "
            f"the limit is {max_pixels} in all",
            reason="TOO_MANY_PIXELS",
        )
