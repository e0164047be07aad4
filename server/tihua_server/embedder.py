"""Texts, pictures and vectors → embeddings: check, preprocess in threads, batch, encode.

Inputs for which there is no room are refused before any work; admitted ones count until they are
done. Each input is prepared by itself and joins others only in the batcher, as tokens or pixels. So
an input that can't be read fails alone, and the model never sees it.
"""

import sys
from collections.abc import Sequence
from time import perf_counter

from tihua_server.batching.batch import Batched
from tihua_server.batching.flow import Flow
from tihua_server.batching.lane import Lane
from tihua_server.capacity import Capacity
from tihua_server.config import Config
from tihua_server.embedded import Embedded, Row
from tihua_server.errors import InvalidInput, NotFound, ServiceError, TooLarge
from tihua_server.image_root import ImageRoot
from tihua_server.model_queues import ModelQueues
from tihua_server.observer import NOBODY, Observer
from tihua_server.picture_decoder import PictureDecoder
from tihua_server.preprocessor import Preprocessor
from tihua_server.stages import Stages, longest
from tihua_server.together import together
from tihua_server.types import (
    Content,
    EncodedImage,
    Encoder,
    FloatArray,
    ImagePath,
    Kind,
    ModelInfo,
    Picture,
    RgbImage,
    Text,
    Tokens,
    Vector,
)


class Embedder:
    """Computes the embeddings of one model.

    Attributes:
        queues: the queues of tokens and pixels before the model.
    """

    def __init__(
        self,
        encoder: Encoder,
        config: Config,
        capacity: Capacity,
        observer: Observer = NOBODY,
    ) -> None:
        """Set up the queues of a model; belongs to one event loop.

        Args:
            encoder: the model.
            config: the bounds.
            capacity: threads and bounds shared with other models; closed by its creator.
            observer: notified of every batch and every call.
        """
        self._encoder = encoder
        self._observer = observer
        root = None if config.image_root is None else ImageRoot(config.image_root)
        self._preprocessor = Preprocessor(
            encoder,
            PictureDecoder(encoder, config.limits, root),
            capacity,
            max_text_chars=config.limits.max_text_chars,
        )
        self.queues = ModelQueues(encoder, config, capacity, observer)
        self._text_admissions = capacity.text_admissions
        self._picture_admissions = capacity.picture_admissions
        self._max_query_terms = config.limits.max_query_terms

    @property
    def model(self) -> ModelInfo:
        """The model that embeds."""
        return self._encoder.info

    def preprocess_queue_size(self, lane: Lane) -> int:
        """Return how many inputs wait for a preprocessing thread."""
        return self._preprocessor.queue_size(lane)

    def stop(self) -> None:
        """Accept no more work; waiting inputs fail with `Draining`."""
        self._preprocessor.stop()
        self.queues.close()

    async def embed(
        self,
        contents: Sequence[Content | ServiceError],
        *,
        lane: Lane = Lane.INTERACTIVE,
        wait: bool = False,
        flow: Flow | None = None,
    ) -> Embedded:
        """Return an embedding or an error for each input.

        Args:
            contents: texts, pictures and vectors, in any mix; an input that could not be read is
                given as its error, which is returned in its place.
            lane: the priority.
            wait: if the queue is full, wait for room instead of refusing.
            flow: the caller's, if these inputs are only a part of what it asks for.

        Raises:
            Overloaded: the queue has no room for all of them.
            ModelError: the model failed.
        """
        texts = [content.content for content in contents if isinstance(content, Text)]
        pictures = [content for content in contents if isinstance(content, Picture)]
        parts = []
        if texts:
            parts.append(self.embed_texts(texts, lane=lane, wait=wait, flow=flow))
        if pictures:
            parts.append(self.embed_pictures(pictures, lane=lane, wait=wait, flow=flow))
        done = await together(parts)
        text_rows = iter(done[0].rows if texts else ())
        picture_rows = iter(done[-1].rows if pictures else ())
        rows: list[Row] = []
        for content in contents:
            match content:
                case Text():
                    rows.append(next(text_rows))
                case EncodedImage() | ImagePath() | RgbImage():
                    rows.append(next(picture_rows))
                case Vector(embedding):
                    rows.append(self._checked(embedding))
                case ServiceError():
                    rows.append(content)
        places = [at for at, content in enumerate(contents) if isinstance(content, Text)]
        truncated = [places[at] for at in done[0].truncated] if texts else []
        return Embedded(rows, longest(embedded.stages for embedded in done), truncated)

    async def embed_texts(
        self,
        texts: Sequence[str],
        *,
        lane: Lane = Lane.INTERACTIVE,
        truncate: bool = True,
        wait: bool = False,
        flow: Flow | None = None,
    ) -> Embedded:
        """Embed texts only; see `embed`.

        With `truncate` off, texts that are longer than the model's context fail instead of being
        cut.
        """
        admission = self._text_admissions[lane]
        size_bytes = sum(map(sys.getsizeof, texts))
        flow = flow or Flow(len(texts))
        admitted = (
            admission.admit_when_there_is_room(len(texts), size_bytes)
            if wait
            else admission.admit(len(texts), size_bytes, is_large=self._is_large(flow))
        )
        async with admitted:
            start_s = perf_counter()
            tokens = await self._preprocessor.tokens(texts, lane=lane, truncate=truncate, flow=flow)
            preprocess_s = perf_counter() - start_s
            good = [each.ids for each in tokens if not isinstance(each, ServiceError)]
            batched = await self.queues.texts.submit_all(good, lane=lane, flow=flow)
        results = iter(batched)
        stages = _stages(preprocess_s, batched)
        self._observer.embedded(self.model.ref.id, Kind.TEXT, start_s, stages)
        rows = [each if isinstance(each, ServiceError) else next(results).result for each in tokens]
        cut = [i for i, each in enumerate(tokens) if isinstance(each, Tokens) and each.is_truncated]
        return Embedded(rows, stages, cut)

    async def embed_pictures(
        self,
        pictures: Sequence[Picture],
        *,
        lane: Lane = Lane.INTERACTIVE,
        wait: bool = False,
        flow: Flow | None = None,
    ) -> Embedded:
        """Embed pictures only; see `embed`."""
        start_s = perf_counter()
        flow = flow or Flow(len(pictures))
        if wait:  # a stream's, admitted one by one
            results = await together(
                [self._embed_when_admitted(picture, lane, flow) for picture in pictures]
            )
        else:  # a call's, all or none
            size_bytes = sum(map(self._held_bytes, pictures))
            admission = self._picture_admissions[lane]
            async with admission.admit(len(pictures), size_bytes, is_large=self._is_large(flow)):
                results = await together(
                    [self._embed_picture(picture, lane, flow) for picture in pictures]
                )
        stages = longest(stages for _, stages in results)
        self._observer.embedded(self.model.ref.id, Kind.IMAGE, start_s, stages)
        return Embedded([row for row, _ in results], stages)

    async def _embed_when_admitted(
        self, picture: Picture, lane: Lane, flow: Flow
    ) -> tuple[Row, Stages]:
        admission = self._picture_admissions[lane]
        async with admission.admit_when_there_is_room(1, self._held_bytes(picture)):
            return await self._embed_picture(picture, lane, flow)

    async def _embed_picture(self, picture: Picture, lane: Lane, flow: Flow) -> tuple[Row, Stages]:
        start_s = perf_counter()
        try:
            pixels = await self._preprocessor.pixels(picture, lane=lane, flow=flow)
            preprocess_s = perf_counter() - start_s
            batched = await self.queues.pictures.submit(pixels, lane=lane, flow=flow)
        except (InvalidInput, NotFound, TooLarge) as error:
            return error, Stages(preprocess_s=perf_counter() - start_s)
        return batched.result, _stages(preprocess_s, [batched])

    def _is_large(self, flow: Flow) -> bool:
        """Return whether the call has more inputs than a single query may have."""
        return flow.inputs > self._max_query_terms

    def _held_bytes(self, picture: Picture) -> int:
        """Return the bytes that a picture holds until it is embedded: file and pixels."""
        size = self.model.image_size
        pixels_bytes = size**2 * 3
        match picture:
            case RgbImage(data, width_px, height_px) if width_px == height_px == size:
                return len(data)  # used in place
            case RgbImage(data):
                return len(data) + pixels_bytes
            case EncodedImage():
                return len(picture.content) + pixels_bytes
            case ImagePath():  # read when it is decoded
                return pixels_bytes

    def _checked(self, embedding: FloatArray) -> Row:
        if embedding.shape == (self.model.dim,):
            return embedding
        return InvalidInput(
            f"embedding has {embedding.shape[-1]} dimensions; "
            f"{self.model.ref.id} makes {self.model.dim}",
            reason="WRONG_DIMENSION",
            metadata={"dim": embedding.shape[-1], "expected": self.model.dim},
        )


def _stages(preprocess_s: float, batched: Sequence[Batched[FloatArray]]) -> Stages:
    if not batched:
        return Stages(preprocess_s=preprocess_s)
    return Stages(
        queue_s=max([entry.queue_time_s for entry in batched]),
        preprocess_s=preprocess_s,
        inference_s=max([entry.inference_time_s for entry in batched]),
        batch_size=max([entry.batch_size for entry in batched]),
    )
