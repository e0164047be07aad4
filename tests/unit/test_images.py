"""Files become the pixels that cn_clip would see."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from picture_files import PLAIN, Pixels, chunk, corners, decode, encode, noise, quadrants
from PIL import ExifTags, Image
from tihua_server.clip.torchvision_operators import define_missing_operators
from tihua_server.errors import InvalidInput, TooLarge
from tihua_server.images import pixels_from_rgb


@pytest.fixture(scope="module")
def cn_clip_pixels() -> Callable[[bytes, int], Pixels]:
    """What cn_clip's `image_transform` makes of a file before it becomes a tensor."""
    define_missing_operators()
    from cn_clip.clip import image_transform

    def pixels(content: bytes, size: int) -> Pixels:
        resize, to_rgb, *_ = image_transform(size).transforms
        return np.asarray(to_rgb(resize(Image.open(BytesIO(content)))))

    return pixels


@pytest.mark.parametrize("size", [224, 336])
@pytest.mark.parametrize("content", PLAIN.values(), ids=PLAIN.keys())
def test_pixels_are_those_of_cn_clip(
    content: bytes, size: int, cn_clip_pixels: Callable[[bytes, int], Pixels]
) -> None:
    """RGB, grey, CMYK and opaque pictures are, bit for bit, what cn_clip resizes them to."""
    np.testing.assert_array_equal(decode(content, size), cn_clip_pixels(content, size))


def test_pixels_are_a_writable_block_of_bytes() -> None:
    """The result is (size, size, 3) uint8, contiguous, and its own."""
    pixels = decode(PLAIN["jpeg"])
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_undone(
    orientation: int, turn: Image.Transpose | None, file_format: str
) -> None:
    """A picture stored turned, with the tag that says so, comes out upright."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    upright = quadrants()
    stored = upright if turn is None else upright.transpose(turn)
    # Lossless for WebP, and all but that for JPEG.
    content = encode(stored, file_format, exif=exif, quality=100, subsampling=0, lossless=True)
    pixels = decode(content)
    np.testing.assert_allclose(pixels, decode(encode(upright, "PNG")), atol=3)


def test_a_broken_exif_block_leaves_the_picture_as_it_is() -> None:
    """Metadata that can't be read is no reason to refuse a picture."""
    content = encode(quadrants(), "PNG", exif=b"Exif\0\0" + b"\xff" * 40)
    np.testing.assert_array_equal(decode(content), decode(encode(quadrants(), "PNG")))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "palette", "colour key", "grey key", "16-bit key"])
def test_transparency_is_laid_on_white(mode: str) -> None:
    """What is transparent is white, whatever colour the file keeps under it."""
    black = Image.new("L", (64, 64), 0)
    alpha = Image.new("L", (64, 64), 255)
    alpha.paste(0, (0, 0, 32, 64))
    match mode:
        case "RGBA":
            content = encode(Image.merge("RGBA", (black, black, black, alpha)), "PNG")
        case "LA":
            content = encode(Image.merge("LA", (black, alpha)), "PNG")
        case "palette":
            indexed = alpha.point(lambda value: value // 255).convert("P")
            indexed.putpalette([9, 9, 9, 0, 0, 0])
            content = encode(indexed, "PNG", transparency=b"\x00\xff")
        case "colour key":
            keyed = Image.new("RGB", (64, 64), (0, 0, 0))
            keyed.paste((1, 2, 3), (0, 0, 32, 64))
            content = encode(keyed, "PNG", transparency=(1, 2, 3))
        case "grey key":
            keyed = Image.new("L", (64, 64), 0)
            keyed.paste(7, (0, 0, 32, 64))
            content = encode(keyed, "PNG", transparency=7)
        case _:
            values = np.zeros((64, 64), dtype=np.uint16)
            values[:, :32] = 777
            content = encode(Image.fromarray(values), "PNG", transparency=777)
    white, dark = (255, 255, 255), (0, 0, 0)
    assert corners(decode(content)) == [white, dark, white, dark]


def test_half_transparency_is_half_white() -> None:
    """Black at half opacity comes out grey."""
    content = encode(Image.new("RGBA", (8, 8), (0, 0, 0, 128)), "PNG")
    assert corners(decode(content))[0] == (127, 127, 127)


def test_a_palette_is_looked_up_before_resizing() -> None:
    """Colours between two palette entries appear where a palette picture shrinks."""
    stripes = Image.new("RGB", (64, 64), "black")
    stripes.paste("white", (0, 0, 3, 64))
    content = encode(stripes.convert("P"), "PNG")
    np.testing.assert_array_equal(decode(content), decode(encode(stripes, "PNG")))


def test_a_bilevel_picture_is_shrunk_smoothly() -> None:
    """A checkerboard of single pixels becomes grey, not black or white."""
    board = np.indices((64, 64)).sum(axis=0) % 2 == 1
    pixels = decode(encode(Image.fromarray(board), "PNG"), 16)
    assert 100 < pixels[4:-4, 4:-4].min() <= pixels[4:-4, 4:-4].max() < 155


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_clipped(file_format: str) -> None:
    """65 535 is white, half of it is grey, and 255 is nearly black."""
    values = np.zeros((64, 64), dtype=np.uint16)
    values[:32, :32], values[:32, 32:], values[32:, :32] = 65_535, 32_896, 255
    pixels = decode(encode(Image.fromarray(values), file_format))
    assert corners(pixels) == [(255,) * 3, (128,) * 3, (1,) * 3, (0,) * 3]


def test_16_bit_colour_is_scaled_and_not_clipped() -> None:
    """Of every 16-bit channel the 8 bits that count are kept."""
    row = b"\0" + struct.pack(">HHH", 0xFFFF, 0x8080, 0x00FF) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row * 8))
        + chunk(b"IEND", b"")
    )
    assert corners(decode(content))[0] == (255, 128, 0)


def test_a_float_tiff_is_black_at_0_and_white_at_1() -> None:
    """The convention of scikit-image and of image editors."""
    values = np.zeros((64, 64), dtype=np.float32)
    values[:, 32:] = 1
    dark, white = (0, 0, 0), (255, 255, 255)
    content = encode(Image.fromarray(values), "TIFF")
    assert corners(decode(content)) == [dark, white, dark, white]


@pytest.mark.parametrize("value", [1.5, -0.1, float("nan"), float("inf")])
def test_a_float_tiff_with_another_range_is_refused(value: float) -> None:
    """Nobody can tell which value is white; the error says what to do."""
    values = np.full((8, 8), 0.5, dtype=np.float32)
    values[3, 3] = value
    with pytest.raises(InvalidInput, match=r"between 0 .* and 1 .*save it") as caught:
        decode(encode(Image.fromarray(values), "TIFF"))
    assert caught.value.reason == "UNSUPPORTED_IMAGE"


def test_a_32_bit_integer_tiff_is_refused() -> None:
    """Nobody can tell which value is white; the error says what to do."""
    values = np.full((8, 8), 70_000, dtype=np.int32)
    with pytest.raises(InvalidInput, match="8 or 16 bits"):
        decode(encode(Image.fromarray(values), "TIFF"))


def test_cmyk_jpegs_are_right() -> None:
    """Cyan ink is cyan: JPEGs keep ink inverted as Adobe does, and where they do not say so too."""
    content = encode(Image.new("CMYK", (64, 64), (255, 0, 0, 0)), "JPEG", quality=100)
    start = content.index(b"\xff\xee")
    assert content[start + 4 : start + 9] == b"Adobe"
    length = int.from_bytes(content[start + 2 : start + 4], "big")
    unmarked = content[:start] + content[start + 2 + length :]
    for each in (content, unmarked):
        np.testing.assert_allclose(corners(decode(each)), [(0, 255, 255)] * 4, atol=3)


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_pictures_is_taken(file_format: str) -> None:
    """Animations and files of many pages show how they begin."""
    first = quadrants()
    rest = [Image.new("RGB", (64, 64), "black"), Image.new("RGB", (64, 64), "white")]
    content = encode(first, file_format, save_all=True, append_images=rest, lossless=True)
    np.testing.assert_array_equal(decode(content), decode(encode(first, "PNG")))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_one_pixel_is_a_picture(file_format: str) -> None:
    """A picture of one pixel fills the square with it."""
    content = encode(Image.new("RGB", (1, 1), (255, 255, 255)), file_format)
    assert set(map(int, decode(content).ravel())) == {255}


def test_raw_pixels_of_the_right_size_are_taken_as_they_are() -> None:
    """Pixels that the caller resized reach the model unchanged."""
    image = noise(32, 32)
    np.testing.assert_array_equal(pixels_from_rgb(image.tobytes(), 32, 32, 32), np.asarray(image))


def test_raw_pixels_of_another_size_are_resized_as_a_file_is() -> None:
    """A decoded picture and the file it came from give the same pixels."""
    image = noise(50, 40)
    actual = pixels_from_rgb(image.tobytes(), 50, 40, 32)
    np.testing.assert_array_equal(actual, decode(encode(image, "PNG")))


@pytest.mark.parametrize(
    ("length", "width", "height", "message"),
    [
        (0, 0, 5, "0×5 pixels; width and height must be 1 or more"),
        (0, 5, 0, "5×0 pixels; width and height must be 1 or more"),
        (59, 5, 4, "has 59 bytes; 5×4 RGB pixels are 60 bytes"),
        (61, 5, 4, "has 61 bytes; 5×4 RGB pixels are 60 bytes"),
        (3, 2**32 - 1, 2**32 - 1, "has 3 bytes"),
    ],
)
def test_raw_pixels_of_a_wrong_length_are_refused(
    length: int, width: int, height: int, message: str
) -> None:
    """The error tells how many bytes came and how many the size asks for."""
    with pytest.raises(InvalidInput, match=message):
        pixels_from_rgb(b"\0" * length, width, height, 32)


def test_raw_pixels_with_a_long_side_are_refused() -> None:
    """The bound on a side holds for decoded pictures too."""
    with pytest.raises(TooLarge, match="the limit for a side is 65535"):
        pixels_from_rgb(b"\0" * 3 * 65_536, 65_536, 1, 32)
