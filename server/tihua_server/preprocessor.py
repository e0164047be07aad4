"""Texts → tokens and pictures → pixels, in threads, within bounds on time and memory.

Pictures are decoded by a `Batcher` with batches of one: its two lanes let an interactive picture
overtake a thousand that a stream has sent, and a picture whose caller has hung up is never decoded.
If there is no room for the pixels of a picture, it gives its thread back and waits in the
`PixelRoom`, which has lanes too.

Cheap work is done at once. Short texts take about 2 µs a character: a thread would add a switch (80
µs), and still hold up the event loop, through the GIL. Pixels that already have the model's size
are used in place.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tihua_server.batching.batcher import Batcher
from tihua_server.batching.flow import Flow
from tihua_server.batching.lane import Lane
from tihua_server.capacity import Capacity
from tihua_server.errors import InvalidInput, ServiceError
from tihua_server.picture_decoder import PictureDecoder
from tihua_server.types import Encoder, Picture, PixelArray, RgbImage, Tokens

INLINE_CHARS = 256
"""Characters of one call that are tokenized in the event loop: half a millisecond at most."""

TEXT_CHARS = 2
"""Cost of a text besides its characters, in characters: 3 µs."""

PIECE_CHARS = 4_096
"""Characters that a thread tokenizes in one job; a longer text is a job by itself."""


class _Decoding:
    """A picture to decode, and whether its caller has gone."""

    __slots__ = ("image", "is_dropped")

    def __init__(self, image: Picture) -> None:
        self.image = image
        self.is_dropped = False


@dataclass(frozen=True, slots=True)
class _NoRoom:
    """The picture must wait for others to be decoded; it takes this many pixels."""

    pixels: int


class _Dropped(Exception):
    """The picture's caller has gone, so nobody gets this error."""


class Preprocessor:
    """Turns texts and pictures into the model's input, and refuses invalid ones."""

    def __init__(
        self, encoder: Encoder, decoder: PictureDecoder, capacity: Capacity, *, max_text_chars: int
    ) -> None:
        """Prepare inputs for `encoder`.

        Args:
            encoder: the model.
            decoder: reads pictures for it.
            capacity: the threads, and the bound on pixels that are decoded at once.
            max_text_chars: bound on the length of a text.
        """
        self._encoder = encoder
        self._decoder = decoder
        self._max_text_chars = max_text_chars
        self._room = capacity.pixel_room
        self._without_room: dict[Lane, set[_Decoding]] = {lane: set() for lane in Lane}
        self._jobs: Batcher[Callable[[], Any], Any] = Batcher(
            lambda jobs: [job() for job in jobs],
            workers=capacity.preprocess_workers,
            max_batch_size=1,
        )

    def stop(self) -> None:
        """Accept no more work; every caller who is still waiting gets `Draining`."""
        self._jobs.close()

    def queue_size(self, lane: Lane) -> int:
        """Return how many jobs wait for a thread, or for room to decode."""
        return self._jobs.queue_size(lane) + len(self._without_room[lane])

    async def tokens(
        self, texts: Sequence[str], *, lane: Lane, truncate: bool, flow: Flow
    ) -> list[Tokens | ServiceError]:
        """Return the tokens of each text, or why there are none.

        Args:
            texts: of any length.
            lane: its place among those that wait for a thread.
            truncate: cut texts that are longer than the model's context, instead of failing them.
            flow: the flow they belong to.
        """
        if self._is_short(texts):
            return self._tokens(texts, truncate)
        jobs = [partial(self._tokens, piece, truncate) for piece in _pieces(texts)]
        done = await self._jobs.submit_all(jobs, lane=lane, flow=flow)
        return [tokens for batched in done for tokens in batched.result]

    async def pixels(self, image: Picture, *, lane: Lane, flow: Flow) -> PixelArray:
        """Return a picture as the model takes it: (image_size, image_size, 3) uint8, RGB.

        Args:
            image: a file, its path, or pixels.
            lane: its place among those that wait for a thread.
            flow: the flow it belongs to.

        Raises:
            InvalidInput: it can't be read, or is named by its path and no folder is allowed.
            NotFound: there is no such file below the folder that is allowed.
            TooLarge: it has too many bytes or pixels.
        """
        size = self._encoder.info.image_size
        self._decoder.check(image)
        if (
            isinstance(image, RgbImage)
            and image.width_px == image.height_px == size
            and len(image.data) == size * size * 3
        ):
            return np.frombuffer(image.data, np.uint8).reshape(size, size, 3)
        decoding = _Decoding(image)
        try:
            return await self._decoded(decoding, lane, flow)
        except asyncio.CancelledError:
            decoding.is_dropped = True
            raise

    async def _decoded(self, decoding: _Decoding, lane: Lane, flow: Flow) -> PixelArray:
        job = partial(self._decode_now, decoding, lane)
        batched = await self._jobs.submit(job, lane=lane, flow=flow)
        decoded: PixelArray | _NoRoom = batched.result
        waiting = self._without_room[lane]
        while isinstance(decoded, _NoRoom):
            waiting.add(decoding)
            try:
                later = partial(self._decode_later, decoding, decoded.pixels, waiting)
                decoded = await self._room.run(later, decoded.pixels, lane, batched.due_s)
            finally:
                waiting.discard(decoding)
        return decoded

    def _is_short(self, texts: Sequence[str]) -> bool:
        return sum(map(len, texts)) + TEXT_CHARS * len(texts) <= INLINE_CHARS

    def _tokens(self, texts: Sequence[str], truncate: bool) -> list[Tokens | ServiceError]:
        result: list[Tokens | ServiceError] = []
        for text in texts:
            try:
                result.append(self._tokens_of_one(text, truncate))
            except InvalidInput as error:
                result.append(error)
        return result

    def _tokens_of_one(self, text: str, truncate: bool) -> Tokens:
        if not text or text.isspace():
            raise InvalidInput(
                "text is empty; it needs at least one character that is not white space",
                reason="EMPTY_TEXT",
            )
        if len(text) > self._max_text_chars:
            raise InvalidInput(
                f"text is {len(text)} characters; the limit is {self._max_text_chars}:"
                f" shorten it, the model reads the first {self._encoder.info.text_tokens} tokens",
                reason="TEXT_TOO_LONG",
                metadata={"chars": len(text), "max_text_chars": self._max_text_chars},
            )
        tokens = self._encoder.tokenize(text)
        if len(tokens.ids) == 2:  # [CLS] and [SEP]
            raise InvalidInput(
                "text is nothing but white space and control characters; it needs at least one "
                "visible character",
                reason="EMPTY_TEXT",
            )
        if tokens.is_truncated and not truncate:
            raise InvalidInput(
                f"text is longer than the {self._encoder.info.text_tokens} tokens that the model "
                "reads; shorten it, or allow truncation",
                reason="TEXT_TRUNCATED",
            )
        return tokens

    def _decode_now(self, decoding: _Decoding, lane: Lane) -> PixelArray | _NoRoom:
        content = self._content(decoding)
        pixels = self._decoder.decoding_pixels(decoding.image, content)
        if not self._room.take_now(pixels, lane):
            return _NoRoom(pixels)
        try:
            return self._decoder.decode(decoding.image, content)
        finally:
            self._room.give(pixels)

    def _decode_later(
        self, decoding: _Decoding, room: int, waiting: set[_Decoding]
    ) -> PixelArray | _NoRoom:
        waiting.discard(decoding)
        # A file named by its path is read again: a waiting picture holds no more bytes than it was
        # admitted with. It may have changed, and if it is larger now it waits for more room.
        content = self._content(decoding)
        pixels = self._decoder.decoding_pixels(decoding.image, content)
        if pixels > room:
            return _NoRoom(pixels)
        return self._decoder.decode(decoding.image, content)

    def _content(self, decoding: _Decoding) -> bytes:
        if decoding.is_dropped:
            raise _Dropped
        return self._decoder.content(decoding.image)


def _pieces(texts: Sequence[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    chars = 0
    for text in texts:
        if piece and chars + len(text) > PIECE_CHARS:
            yield piece
            piece, chars = [], 0
        piece.append(text)
        chars += len(text)
    yield piece
