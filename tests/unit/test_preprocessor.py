"""From texts to tokens and from pictures to pixels, with a fake model."""

import asyncio
import threading
from collections.abc import AsyncIterator
from io import BytesIO

import numpy as np
import pytest
from fake_encoder import FakeEncoder
from PIL import Image
from tihua._picture import Box, Resize
from tihua_server.capacity import Capacity
from tihua_server.config import Config, Limits
from tihua_server.errors import InvalidInput, TooLarge
from tihua_server.images import decode_image
from tihua_server.lane import Lane
from tihua_server.preprocessor import INLINE_CHARS, Preprocessor
from tihua_server.types import EncodedImage, PixelArray, RgbImage

SIZE = FakeEncoder.info.image_size


@pytest.fixture
async def preprocessor() -> AsyncIterator[Preprocessor]:
    """Two threads that may have one picture of 16 × 16 decoded at a time."""
    config = Config(
        preprocess_threads=2, max_decode_pixels=256, limits=Limits(max_image_pixels=1_024)
    )
    capacity = Capacity(config, image_streams=0)
    made = Preprocessor(FakeEncoder(), config, capacity)
    yield made
    made.stop()
    capacity.close()


def png(level: int) -> EncodedImage:
    """Return a grey picture of 16 × 16."""
    file = BytesIO()
    Image.new("L", (16, 16), level).save(file, "PNG")
    return EncodedImage(file.getvalue())


async def test_pixels_of_the_right_size_are_taken_where_they_lie(
    preprocessor: Preprocessor,
) -> None:
    """Nothing is copied, and no thread is waited for."""
    data = bytes(range(256)) * (SIZE * SIZE * 3 // 256)
    pixels = await preprocessor.pixels(RgbImage(data, SIZE, SIZE), lane=Lane.INTERACTIVE)
    assert np.shares_memory(pixels, np.frombuffer(data, np.uint8))
    assert pixels.tobytes() == data


async def test_pixels_that_are_not_as_many_as_they_say_are_refused(
    preprocessor: Preprocessor,
) -> None:
    """A byte too few is an error and not a picture."""
    with pytest.raises(InvalidInput):
        await preprocessor.pixels(
            RgbImage(bytes(SIZE * SIZE * 3 - 1), SIZE, SIZE), lane=Lane.INTERACTIVE
        )


async def test_too_many_pixels_are_refused(preprocessor: Preprocessor) -> None:
    """The bound holds for pixels as for files."""
    with pytest.raises(TooLarge):
        await preprocessor.pixels(RgbImage(bytes(33 * 33 * 3), 33, 33), lane=Lane.INTERACTIVE)


@pytest.mark.parametrize("length", [1, 2 * INLINE_CHARS], ids=["at once", "in a thread"])
async def test_a_text_that_is_no_good_leaves_its_neighbours(
    preprocessor: Preprocessor, length: int
) -> None:
    """Each text has its tokens or its error, in their order."""
    first, blank, last = await preprocessor.tokens(
        ["马" * length, "   ", "桥"], lane=Lane.INTERACTIVE, truncate=True
    )
    assert isinstance(blank, InvalidInput)
    assert not isinstance(first, Exception)
    assert not isinstance(last, Exception)
    assert list(last) == list(FakeEncoder().tokenize("桥").ids)


async def test_a_picture_dropped_while_it_waits_for_memory_is_not_decoded(
    preprocessor: Preprocessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread has it already, and finds that nobody waits any more."""
    may_go_on, has_begun, is_next = threading.Event(), threading.Event(), threading.Event()
    decoded: list[bytes] = []

    def decode(content: bytes, size: int, *, max_pixels: int, resize: Resize) -> PixelArray:
        decoded.append(content)
        has_begun.set()
        assert may_go_on.wait(10)
        return decode_image(content, size, max_pixels=max_pixels, resize=resize)

    def size_of(content: bytes, *, max_pixels: int) -> tuple[int, int]:
        if content == png(2).content:
            is_next.set()
        return 16, 16

    monkeypatch.setattr("tihua_server.preprocessor.decode_image", decode)
    monkeypatch.setattr("tihua_server.preprocessor.picture_size", size_of)
    first = asyncio.create_task(preprocessor.pixels(png(1), lane=Lane.INTERACTIVE))
    assert await asyncio.to_thread(has_begun.wait, 10)
    dropped = asyncio.create_task(preprocessor.pixels(png(2), lane=Lane.INTERACTIVE))
    assert await asyncio.to_thread(is_next.wait, 10)
    dropped.cancel()
    await asyncio.gather(dropped, return_exceptions=True)
    may_go_on.set()
    await first
    await preprocessor.pixels(png(3), lane=Lane.INTERACTIVE)
    assert decoded == [png(1).content, png(3).content]


async def test_the_model_brings_how_pictures_are_resized() -> None:
    """Files and pixels alike; torch does it for the models that are served."""

    class Reddening(FakeEncoder):
        def resize(self, image: Image.Image, size: int, box: Box | None = None) -> Image.Image:
            return Image.new("RGB", (size, size), "red")

    capacity = Capacity(Config(), image_streams=0)
    preprocessor = Preprocessor(Reddening(), Config(), capacity)
    for picture in (png(2), RgbImage(bytes(3 * 4 * 4), 4, 4)):
        pixels = await preprocessor.pixels(picture, lane=Lane.INTERACTIVE)
        assert (pixels == (255, 0, 0)).all()
    preprocessor.stop()
    capacity.close()
