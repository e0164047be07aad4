"""From texts to tokens and from pictures to pixels, with a fake model."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fake_encoder import FakeEncoder
from PIL import Image
from tihua._picture.decoding import Box, Resize
from tihua_server.batching.flow import Flow
from tihua_server.batching.lane import Lane
from tihua_server.capacity import Capacity
from tihua_server.config import Config, Limits
from tihua_server.errors import InvalidInput, NotFound, TooLarge
from tihua_server.image_root import ImageRoot
from tihua_server.images import decode_image, decoding_pixels
from tihua_server.picture_decoder import PictureDecoder
from tihua_server.preprocessor import INLINE_CHARS, Preprocessor
from tihua_server.types import (
    EncodedImage,
    Encoder,
    ImagePath,
    Picture,
    PixelArray,
    RgbImage,
    Tokens,
)

SIZE = FakeEncoder.info.image_size


class Gate:
    """Blocks the decoding of files, and records which were inspected and decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Start closed."""
        self.is_open = threading.Event()
        self.sized: list[bytes] = []
        self.decoded: list[bytes] = []
        monkeypatch.setattr("tihua_server.picture_decoder.decoding_pixels", self._size)
        monkeypatch.setattr("tihua_server.picture_decoder.decode_image", self._decode)

    def _size(self, content: bytes, *, max_pixels: int) -> int:
        self.sized.append(content)
        return decoding_pixels(content, max_pixels=max_pixels)

    def _decode(self, content: bytes, size: int, *, max_pixels: int, resize: Resize) -> PixelArray:
        self.decoded.append(content)
        assert self.is_open.wait(60)
        return decode_image(content, size, max_pixels=max_pixels, resize=resize)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A closed gate."""
    made = Gate(monkeypatch)
    yield made
    made.is_open.set()


def preprocessor_of(encoder: Encoder, config: Config, capacity: Capacity) -> Preprocessor:
    """Return one within the bounds of `config`."""
    root = None if config.image_root is None else ImageRoot(config.image_root)
    decoder = PictureDecoder(encoder, config.limits, root)
    return Preprocessor(encoder, decoder, capacity, max_text_chars=config.limits.max_text_chars)


@pytest.fixture
async def preprocessor(tmp_path: Path) -> AsyncIterator[Preprocessor]:
    """Two threads, and room for one picture of 16 × 16 pixels at a time."""
    config = Config(
        preprocess_threads=2,
        max_decode_pixels=256,
        image_root=tmp_path,
        limits=Limits(max_image_pixels=1_024),
    )
    capacity = Capacity(config, image_streams=0)
    made = preprocessor_of(FakeEncoder(), config, capacity)
    yield made
    made.stop()
    capacity.close()


def png(level: int, side: int = 16) -> EncodedImage:
    """Return a grey square."""
    file = BytesIO()
    Image.new("L", (side, side), level).save(file, "PNG")
    return EncodedImage(file.getvalue())


async def pixels_of(
    preprocessor: Preprocessor, picture: Picture, lane: Lane = Lane.INTERACTIVE
) -> PixelArray:
    """Return the pixels of the only picture of a call."""
    return await preprocessor.pixels(picture, lane=lane, flow=Flow(1))


async def test_pixels_of_the_right_size_are_taken_where_they_lie(
    preprocessor: Preprocessor,
) -> None:
    """They are not copied, and need no thread."""
    data = bytes(range(256)) * (SIZE * SIZE * 3 // 256)
    pixels = await pixels_of(preprocessor, RgbImage(data, SIZE, SIZE))
    assert np.shares_memory(pixels, np.frombuffer(data, np.uint8))
    assert pixels.tobytes() == data


async def test_pixels_that_are_not_as_many_as_they_say_are_refused(
    preprocessor: Preprocessor,
) -> None:
    """One byte too few is an error."""
    with pytest.raises(InvalidInput):
        await pixels_of(preprocessor, RgbImage(bytes(SIZE * SIZE * 3 - 1), SIZE, SIZE))


async def test_too_many_pixels_are_refused(preprocessor: Preprocessor) -> None:
    """The bound holds for pixels as for files."""
    with pytest.raises(TooLarge):
        await pixels_of(preprocessor, RgbImage(bytes(33 * 33 * 3), 33, 33))


@pytest.mark.parametrize("length", [1, 2 * INLINE_CHARS], ids=["at once", "in a thread"])
async def test_a_text_that_is_no_good_leaves_its_neighbours(
    preprocessor: Preprocessor, length: int
) -> None:
    """Each text has its tokens or its error, in their order."""
    first, blank, last = await preprocessor.tokens(
        ["马" * length, "   ", "桥"], lane=Lane.INTERACTIVE, truncate=True, flow=Flow(3)
    )
    assert isinstance(blank, InvalidInput)
    assert not isinstance(first, Exception)
    assert not isinstance(last, Exception)
    assert list(last.ids) == list(FakeEncoder().tokenize("桥").ids)


class Noting(FakeEncoder):
    """A model that records the threads in which it tokenized."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self.threads: set[threading.Thread] = set()

    def tokenize(self, text: str) -> Tokens:
        """Record the thread."""
        self.threads.add(threading.current_thread())
        return super().tokenize(text)


@pytest.mark.parametrize(("count", "is_at_once"), [(1, True), (INLINE_CHARS, False)])
async def test_many_texts_do_not_hold_the_event_loop_up(count: int, is_at_once: bool) -> None:
    """Each has a cost of its own, even a text of a single character."""
    encoder, config = Noting(), Config()
    capacity = Capacity(config, image_streams=0)
    preprocessor = preprocessor_of(encoder, config, capacity)
    tokens = await preprocessor.tokens(
        ["马"] * count, lane=Lane.INTERACTIVE, truncate=True, flow=Flow(count)
    )
    assert len(tokens) == count
    assert (encoder.threads == {threading.current_thread()}) is is_at_once
    preprocessor.stop()
    capacity.close()


async def begin(
    preprocessor: Preprocessor, gate: Gate, image: EncodedImage, lane: Lane = Lane.INTERACTIVE
) -> "asyncio.Task[PixelArray]":
    """Return when the picture is being decoded, if it is the first, or waits for pixels."""
    waiting = preprocessor.queue_size(lane)
    is_first = not gate.decoded
    task = asyncio.create_task(pixels_of(preprocessor, image, lane))
    while image.content not in (gate.decoded if is_first else gate.sized):
        await asyncio.sleep(0)
    while not is_first and preprocessor.queue_size(lane) == waiting:
        await asyncio.sleep(0)
    return task


async def test_a_picture_dropped_while_it_waits_for_memory_is_not_decoded(
    preprocessor: Preprocessor, gate: Gate
) -> None:
    """A thread has inspected it already, and none does so again."""
    first = await begin(preprocessor, gate, png(1))
    dropped = await begin(preprocessor, gate, png(2))
    dropped.cancel()
    await asyncio.gather(dropped, return_exceptions=True)
    assert preprocessor.queue_size(Lane.INTERACTIVE) == 0
    gate.is_open.set()
    await first
    await pixels_of(preprocessor, png(3))
    assert gate.decoded == [png(1).content, png(3).content]


async def test_an_interactive_picture_overtakes_bulk_that_waits_for_memory(
    preprocessor: Preprocessor, gate: Gate
) -> None:
    """More bulk pictures wait than there are threads; it waits only for the one being decoded."""
    bulk = [await begin(preprocessor, gate, png(level), Lane.BULK) for level in range(5)]
    assert preprocessor.queue_size(Lane.BULK) == 4
    interactive = await begin(preprocessor, gate, png(9))
    gate.is_open.set()
    await asyncio.gather(interactive, *bulk)
    assert gate.decoded == [png(level).content for level in (0, 9, 1, 2, 3, 4)]
    assert preprocessor.queue_size(Lane.BULK) == 0


async def wait_for_memory(
    preprocessor: Preprocessor, gate: Gate, folder: Path
) -> list["asyncio.Task[PixelArray]"]:
    """Return two pictures; the second, a file of the server, waits for memory of the first."""
    (folder / "horse.png").write_bytes(png(2).content)
    first = await begin(preprocessor, gate, png(1))
    horse = asyncio.create_task(pixels_of(preprocessor, ImagePath("horse.png")))
    while png(2).content not in gate.sized:
        await asyncio.sleep(0)
    return [first, horse]


async def test_a_file_of_the_server_is_decoded_when_there_is_memory_for_it(
    preprocessor: Preprocessor, gate: Gate, tmp_path: Path
) -> None:
    """Its content is not kept while it waits: it is read again."""
    tasks = await wait_for_memory(preprocessor, gate, tmp_path)
    gate.is_open.set()
    _, horse = await asyncio.gather(*tasks)
    assert (horse == 2).all()


async def test_a_file_that_has_grown_meanwhile_waits_for_more_memory(
    preprocessor: Preprocessor, gate: Gate, tmp_path: Path
) -> None:
    """It had only waited for the room of the smaller picture."""
    tasks = await wait_for_memory(preprocessor, gate, tmp_path)
    larger = png(3, side=32).content
    (tmp_path / "horse.png").write_bytes(larger)
    gate.is_open.set()
    _, horse = await asyncio.gather(*tasks)
    assert (horse == 3).all()
    # With the room of 256 pixels, and then with that of 1 024.
    assert gate.sized == [png(1).content, png(2).content, larger, larger]


async def test_a_file_that_can_not_be_read_is_named() -> None:
    """It can be opened, but reading fails, as it does on Linux at address 0."""
    config = Config(image_root=Path("/proc"))
    capacity = Capacity(config, image_streams=0)
    preprocessor = preprocessor_of(FakeEncoder(), config, capacity)
    with pytest.raises(NotFound, match=r"'self/mem'.* can't be read: .+; ") as caught:
        await pixels_of(preprocessor, ImagePath("self/mem"))
    assert caught.value.reason == "FILE_UNREADABLE"
    preprocessor.stop()
    capacity.close()


async def test_the_model_brings_how_pictures_are_resized() -> None:
    """It resizes both files and pixels; served models use torch."""

    class Reddening(FakeEncoder):
        def resize(self, image: Image.Image, size: int, box: Box | None = None) -> Image.Image:
            return Image.new("RGB", (size, size), "red")

    capacity = Capacity(Config(), image_streams=0)
    preprocessor = preprocessor_of(Reddening(), Config(), capacity)
    for picture in (png(2), RgbImage(bytes(3 * 4 * 4), 4, 4)):
        pixels = await pixels_of(preprocessor, picture)
        assert (pixels == (255, 0, 0)).all()
    preprocessor.stop()
    capacity.close()
