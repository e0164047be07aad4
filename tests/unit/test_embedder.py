"""The embedder's bounds, with a fake model: what is refused, what waits, what is dropped."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Sequence
from io import BytesIO

import numpy as np
import pytest
from fake_encoder import FakeEncoder
from PIL import Image
from tihua._picture.decoding import Resize
from tihua_server.batching.cost import BatchCost
from tihua_server.batching.lane import Lane
from tihua_server.config import Config
from tihua_server.embedder import Embedder
from tihua_server.errors import Overloaded, ServiceError
from tihua_server.images import decode_image
from tihua_server.served_models import ServedModels
from tihua_server.types import EncodedImage, FloatArray, PixelArray, RgbImage, Text

SIZE = FakeEncoder.info.image_size
SQUARE_BYTES = SIZE * SIZE * 3


class Gate:
    """Stands before the decoding of pictures, and remembers who came through."""

    def __init__(self) -> None:
        """Be shut."""
        self.is_open = threading.Event()
        self.has_begun = threading.Event()
        self.decoded: list[bytes] = []

    def __call__(self, content: bytes, size: int, *, max_pixels: int, resize: Resize) -> PixelArray:
        """Decode when it is open."""
        self.has_begun.set()
        assert self.is_open.wait(60)
        self.decoded.append(content)
        return decode_image(content, size, max_pixels=max_pixels, resize=resize)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate that is shut."""
    made = Gate()
    monkeypatch.setattr("tihua_server.picture_decoder.decode_image", made)
    return made


@pytest.fixture
async def embedder() -> AsyncIterator[Embedder]:
    """An embedder of one decoding thread, with room for 10 kB of pictures."""
    config = Config(preprocess_threads=1, max_queue_bytes=10_000)
    models = ServedModels([FakeEncoder()], config)
    yield models.named("")
    await models.close()


def png(level: int, side: int = 4) -> EncodedImage:
    """Return a grey picture."""
    file = BytesIO()
    Image.new("L", (side, side), level).save(file, "PNG")
    return EncodedImage(file.getvalue())


def square(level: int) -> RgbImage:
    """Return a picture that needs no work."""
    return RgbImage(bytes([level]) * SQUARE_BYTES, SIZE, SIZE)


async def begun(gate: Gate) -> None:
    """Return when a picture is at the gate."""
    assert await asyncio.to_thread(gate.has_begun.wait, 60)


async def test_rows_come_back_in_the_order_of_the_inputs(embedder: Embedder) -> None:
    """Texts and pictures of one call are embedded apart and put together again."""
    one, two = square(1), square(2)
    mixed = (await embedder.embed([one, Text("马"), two, Text("桥")])).rows
    alone = [(await embedder.embed([each])).rows[0] for each in (one, Text("马"), two, Text("桥"))]
    np.testing.assert_array_equal(mixed, alone)


async def test_pictures_beyond_the_bytes_that_may_wait_are_refused(
    embedder: Embedder, gate: Gate
) -> None:
    """The error names the bytes; when there is room again, the same call succeeds."""
    first = asyncio.create_task(embedder.embed([png(1)] * 10))
    await begun(gate)
    with pytest.raises(Overloaded, match=r"holds \d+ of at most 10000 bytes of pictures"):
        await embedder.embed([png(2)] * 3)
    gate.is_open.set()
    await first
    assert len((await embedder.embed([png(2)] * 3)).rows) == 3


@pytest.mark.parametrize("side", [1, SIZE])
async def test_pictures_count_with_the_square_that_is_made_of_them(
    side: int, embedder: Embedder
) -> None:
    """However small they are; one of the model's size is that square itself."""
    picture = RgbImage(bytes(side * side * 3), side, side)
    squares = [embedder.embed([picture]) for _ in range(10_000 // SQUARE_BYTES + 1)]
    *_, last = await asyncio.gather(*squares, return_exceptions=True)
    assert isinstance(last, Overloaded)


async def test_a_call_larger_than_the_bytes_that_may_wait_passes_alone(embedder: Embedder) -> None:
    """A bound on many is no limit on one."""
    assert len((await embedder.embed([square(level) for level in range(20)])).rows) == 20


async def test_a_stream_waits_for_room_and_loses_nothing(embedder: Embedder, gate: Gate) -> None:
    """Bulk pictures beyond the bound come in as others leave."""
    bulk = asyncio.create_task(
        embedder.embed([png(level) for level in range(40)], lane=Lane.BULK, wait=True)
    )
    await begun(gate)
    gate.is_open.set()
    rows = (await bulk).rows
    assert not any(isinstance(row, ServiceError) for row in rows)
    assert len({row.tobytes() for row in rows if not isinstance(row, ServiceError)}) == 40


async def test_a_bulk_call_is_let_in_beside_a_stream(embedder: Embedder, gate: Gate) -> None:
    """However many pictures of the stream wait."""
    stream = asyncio.create_task(
        embedder.embed([png(level) for level in range(40)], lane=Lane.BULK, wait=True)
    )
    await begun(gate)
    call = asyncio.create_task(embedder.embed([png(99)], lane=Lane.BULK))
    gate.is_open.set()
    assert len((await call).rows) == 1
    assert not stream.done()
    await stream


async def test_a_picture_that_nobody_waits_for_is_not_decoded(
    embedder: Embedder, gate: Gate
) -> None:
    """What its caller has taken back, or what is too late, leaves before any work."""
    first = asyncio.create_task(embedder.embed([png(1)]))
    await begun(gate)
    dropped = asyncio.create_task(embedder.embed([png(2)]))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(dropped, timeout=0.01)
    last = asyncio.create_task(embedder.embed([png(3)]))
    gate.is_open.set()
    await asyncio.gather(first, last)
    assert gate.decoded == [png(1).content, png(3).content]


async def test_an_interactive_picture_is_decoded_before_bulk(
    embedder: Embedder, gate: Gate
) -> None:
    """Somebody waits for it."""
    first = asyncio.create_task(embedder.embed([png(1)]))
    await begun(gate)
    bulk = asyncio.create_task(embedder.embed([png(2)], lane=Lane.BULK, wait=True))
    interactive = asyncio.create_task(embedder.embed([png(3)]))
    for _ in range(10):
        await asyncio.sleep(0)
    gate.is_open.set()
    await asyncio.gather(first, bulk, interactive)
    assert gate.decoded == [png(1).content, png(3).content, png(2).content]


async def test_a_picture_is_decoded_before_the_rest_of_another_call(
    embedder: Embedder, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the one that is being decoded: nothing else is due."""
    monkeypatch.setattr(BatchCost, "of_input", lambda _, size: 60.0 * size)
    many = asyncio.create_task(embedder.embed([png(level) for level in range(5)]))
    await begun(gate)
    single = asyncio.create_task(embedder.embed([png(9)]))
    while embedder.preprocess_queue_size(Lane.INTERACTIVE) < 5:
        await asyncio.sleep(0)
    gate.is_open.set()
    await asyncio.gather(many, single)
    assert gate.decoded == [png(level).content for level in (0, 9, 1, 2, 3, 4)]


class HeldPictures(FakeEncoder):
    """A model whose pictures wait, and which remembers them."""

    def __init__(self, image_streams: int = 0) -> None:
        """Hold them."""
        super().__init__(image_streams)
        self.may_go_on, self.has_begun = threading.Event(), threading.Event()
        self.levels: list[int] = []

    def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
        """Hash the pixels, later."""
        self.has_begun.set()
        assert self.may_go_on.wait(60)
        self.levels += [int(pixels[0, 0, 0]) for pixels in images]
        return super().encode_images(images)


async def test_a_picture_is_computed_before_the_rest_of_another_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits for the one that is being computed: nothing else is due."""
    monkeypatch.setattr(BatchCost, "of_input", lambda _, size: 60.0 * size)
    encoder = HeldPictures()
    models = ServedModels([encoder], Config(preprocess_threads=1, max_batch_size=1))
    embedder = models.named("")
    many = asyncio.create_task(embedder.embed([square(level) for level in range(5)]))
    assert await asyncio.to_thread(encoder.has_begun.wait, 60)
    single = asyncio.create_task(embedder.embed([square(9)]))
    while embedder.queues.pictures.queue_size(Lane.INTERACTIVE) < 5:
        await asyncio.sleep(0)
    encoder.may_go_on.set()
    await asyncio.gather(many, single)
    assert encoder.levels == [0, 9, 1, 2, 3, 4]
    await models.close()


async def test_texts_are_computed_beside_pictures_where_the_model_can() -> None:
    """A query is answered while a batch of pictures is being computed."""
    encoder = HeldPictures(image_streams=1)
    models = ServedModels([encoder], Config(preprocess_threads=1))
    embedder = models.named("")
    pictures = asyncio.create_task(embedder.embed([square(1)]))
    assert await asyncio.to_thread(encoder.has_begun.wait, 60)
    assert len((await embedder.embed([Text("马")])).rows) == 1
    assert not pictures.done()
    encoder.may_go_on.set()
    await pictures
    await models.close()


class Streams(FakeEncoder):
    """A model whose streams take pictures in turn, as those of OpenVINO do."""

    def __init__(self, count: int) -> None:
        """Remember how often each has computed."""
        super().__init__(image_streams=count)
        self.turns = [0] * count
        self._next = itertools.cycle(range(count))

    def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
        """Compute in the stream that has rested longest."""
        self.turns[next(self._next)] += 1
        return super().encode_images(images)


async def test_every_stream_is_warmed_up() -> None:
    """The first time in each is slow: no caller pays for it, and no estimate rests on it alone."""
    encoder = Streams(4)
    models = ServedModels([encoder], Config(preprocess_threads=1))
    await models.warm_up()
    await models.close()
    assert encoder.turns == [2, 2, 2, 2]
