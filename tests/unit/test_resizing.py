"""torch resizes as Pillow does."""

from io import BytesIO

import numpy as np
import pytest
from picture_files import MAX_PIXELS, PLAIN, decode, noise
from PIL import Image
from tihua._picture import decoding
from tihua_server.clip.resizing import resize
from tihua_server.images import decode_image


@pytest.mark.parametrize("size", [224, 336])
@pytest.mark.parametrize("content", PLAIN.values(), ids=PLAIN.keys())
def test_files_become_the_same_pixels(content: bytes, size: int) -> None:
    """They agree to half a level on average, even for noise; other filters are many levels away."""
    ours = decode_image(content, size, max_pixels=MAX_PIXELS, resize=resize)
    assert ours.flags.c_contiguous
    assert np.abs(ours - decode(content, size).astype(np.int16)).mean() < 0.5


@pytest.mark.parametrize("size", [(64, 64), (9, 3000), (3000, 9), (1, 1), (2048, 2048)])
def test_whole_pictures_of_every_shape_are_resized(size: tuple[int, int]) -> None:
    """A grey gradient has no edges, and agrees up to rounding."""
    picture = Image.linear_gradient("L").convert("RGB").resize(size)
    ours, theirs = (np.asarray(by(picture, 32), dtype=np.int16) for by in (resize, decoding.resize))
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize(
    "size",
    [(30, 900), (30, 29), (40, 49), (40, 47), (100, 169), (100, 167), (100, 300), (300, 100)],
)
def test_sharp_edges_are_resized_in_the_order_of_pillow(size: tuple[int, int]) -> None:
    """Tall and wide black and white pictures differ by 30 levels in the other order."""
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 2, (size[1], size[0]), dtype=np.uint8) * 255
    picture = Image.fromarray(levels).convert("RGB")
    ours, theirs = (np.asarray(by(picture, 32), dtype=np.int16) for by in (resize, decoding.resize))
    assert np.abs(ours - theirs).max() <= 3


def test_it_is_torch_that_resizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does so up to the largest picture that Pillow keeps in one block."""
    monkeypatch.delattr(decoding, "resize")
    assert resize(noise(2048, 2048), 32).size == (32, 32)


@pytest.mark.parametrize(
    ("picture", "box"),
    [
        (noise(60, 40), (0.0, 0.0, 59.5, 40.0)),
        (noise(60, 40, 1), None),
        (noise(60, 40, 4), None),
        (noise(2049, 2048), None),
    ],
    ids=["part", "grey", "transparent", "in several pieces"],
)
def test_the_rest_is_left_to_pillow(
    picture: Image.Image, box: tuple[float, float, float, float] | None
) -> None:
    """Parts of pictures, other modes, and pictures in several blocks agree bit for bit."""
    np.testing.assert_array_equal(resize(picture, 32, box), decoding.resize(picture, 32, box))


def test_the_edges_of_a_whole_picture_are_no_part() -> None:
    """A JPEG decoded at half its size has a box, which is mostly the whole picture."""
    file = BytesIO()
    noise(64, 48).save(file, "PNG")
    with Image.open(file) as picture:
        whole = resize(picture, 32, (0.0, 0.0, 64.0, 48.0))
        np.testing.assert_array_equal(whole, resize(picture, 32))
