"""Large JPEGs are decoded at a fraction of their size, where that changes next to nothing."""

from io import BytesIO

import numpy as np
import pytest
from picture_files import Pixels, corners, decode, encode, quadrants
from PIL import ExifTags, Image, ImageOps
from tihua._picture import decoding
from tihua_server.errors import InvalidInput, TooLarge
from tihua_server.images import decode_image

SIZE = 32
LEAST = 2 * decoding.DRAFT_MARGIN * SIZE
"""The shorter side from which on a JPEG is decoded at one half, for squares of this size."""


def scenery(width: int, height: int) -> Image.Image:
    """Return smooth hills of colour with fine grain, as photographs have it."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    hills = [np.sin(7 * x + 3 * y), np.cos(5 * y - 2 * x), np.sin(11 * x * y)]
    grain = np.random.default_rng(0).normal(0, 6, (height, width, 1))
    return Image.fromarray(np.uint8(np.clip(128 + 100 * np.dstack(hills) + grain, 0, 255)))


def fully_decoded(content: bytes) -> Pixels:
    """Return what cn_clip would resize a file to, all of its pixels decoded."""
    image = Image.open(BytesIO(content)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return np.asarray(image.convert("RGB"))


@pytest.fixture
def decoded_sizes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes, in pixels, of what has been resized since."""
    sizes: list[tuple[int, int]] = []
    resize = Image.Image.resize

    def watched(self: Image.Image, *args: object, **kwargs: object) -> Image.Image:
        sizes.append(self.size)
        return resize(self, *args, **kwargs)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(Image.Image, "resize", watched)
    return sizes


@pytest.mark.parametrize(
    ("width", "height", "fraction"),
    [
        (LEAST - 1, 2 * LEAST, 1),
        (2 * LEAST, LEAST - 1, 1),
        (LEAST, LEAST, 2),
        (2 * LEAST - 1, 3 * LEAST, 2),
        (2 * LEAST, 2 * LEAST, 4),
        (4 * LEAST, 5 * LEAST, 8),
    ],
)
def test_a_jpeg_is_decoded_at_a_fraction_while_enough_of_it_remains(
    decoded_sizes: list[tuple[int, int]], width: int, height: int, fraction: int
) -> None:
    """Both sides stay `DRAFT_MARGIN` times those of the square, or more."""
    decode(encode(scenery(width, height), "JPEG"), SIZE)
    assert decoded_sizes == [(-(-width // fraction), -(-height // fraction))]


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_other_formats_are_decoded_in_full(
    decoded_sizes: list[tuple[int, int]], file_format: str
) -> None:
    """Only a JPEG can be had at a fraction."""
    decode(encode(scenery(4 * LEAST, 4 * LEAST), file_format), SIZE)
    assert decoded_sizes == [(4 * LEAST, 4 * LEAST)]


@pytest.mark.parametrize("side", [LEAST, LEAST + 1, LEAST + 7, 2 * LEAST + 3, 4 * LEAST + 9])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_the_pixels_are_nearly_those_of_full_decoding(
    side: int, mode: str, progressive: bool
) -> None:
    """Within three levels everywhere and half a level on average, also where nothing divides."""
    image = scenery(side, side + 5).convert(mode)
    content = encode(image, "JPEG", quality=92, progressive=progressive)
    difference = np.abs(decode(content, SIZE).astype(int) - fully_decoded(content))
    assert difference.max() <= 3
    assert difference.mean() < 0.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_drafted_picture_is_turned_upright(orientation: int) -> None:
    """The orientation is the file's, whatever the size it is decoded at."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    large = quadrants().resize((2 * LEAST, 2 * LEAST), Image.Resampling.NEAREST)
    content = encode(large, "JPEG", exif=exif, quality=100, subsampling=0)
    upright = ImageOps.exif_transpose(Image.open(BytesIO(content)))
    np.testing.assert_allclose(corners(decode(content)), corners(np.asarray(upright)), atol=3)


def test_the_bound_on_pixels_is_that_of_the_whole_picture() -> None:
    """What the header says counts, not what would have been decoded."""
    content = encode(scenery(2 * LEAST, 2 * LEAST), "JPEG")
    with pytest.raises(TooLarge):
        decode_image(content, SIZE, max_pixels=4 * LEAST * LEAST - 1)


def test_a_large_jpeg_cut_short_is_refused() -> None:
    """A fraction of half a picture is no picture either."""
    content = encode(scenery(4 * LEAST, 4 * LEAST), "JPEG")
    with pytest.raises(InvalidInput, match="send the whole file"):
        decode(content[: len(content) // 2], SIZE)


def test_the_first_of_several_jpegs_in_a_file_may_be_large() -> None:
    """Cameras put a preview behind the picture (MPO), and call it a JPEG."""
    first, second = scenery(2 * LEAST, 2 * LEAST), Image.new("RGB", (LEAST, LEAST))
    content = encode(first, "MPO", save_all=True, append_images=[second])
    difference = np.abs(decode(content, SIZE).astype(int) - fully_decoded(content))
    assert difference.max() <= 3
