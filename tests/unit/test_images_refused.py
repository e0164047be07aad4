"""Files that are no pictures, damaged, or made to deceive, get an error that says what is wrong."""

import contextlib
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from picture_files import PLAIN, chunk, decode, encode, noise, png, quadrants
from PIL import Image, ImageFile
from tihua_server.errors import InvalidInput, TooLarge
from tihua_server.images import decode_image, decoding_pixels


def test_an_empty_file_is_refused() -> None:
    """No bytes at all have an error of their own."""
    with pytest.raises(InvalidInput, match=r"empty \(0 bytes\); send") as caught:
        decode(b"")
    assert caught.value.reason == "EMPTY_IMAGE"


@pytest.mark.parametrize(
    "content",
    [
        b"this is a text that calls itself cat.jpg",
        b"\x00",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x00\x00\x00\x18ftypheic" + b"\0" * 40,
        encode(noise(8, 8), "ICO"),
        encode(noise(8, 8), "PPM"),
        encode(noise(8, 8), "AVIF"),
    ],
)
def test_what_is_no_picture_of_the_six_formats_is_refused(content: bytes) -> None:
    """Text, headers alone and other formats get one sentence with the remedy."""
    with pytest.raises(InvalidInput, match=r"send (a|the) whole") as caught:
        decode(content)
    assert caught.value.reason == "UNREADABLE_IMAGE"
    assert "cat.jpg" not in caught.value.message


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_file_cut_short_is_refused(file_format: str, part: float) -> None:
    """Half a picture is no picture: the rest would be grey."""
    content = encode(noise(90, 90), file_format, lossless=True)
    with pytest.raises(InvalidInput, match=r"send (a|the) whole"):
        decode(content[: int(len(content) * part)])


def test_a_tiff_whose_offset_is_a_fraction_is_refused() -> None:
    """Pillow seeks to what the file gives as the place of its pixels, whatever kind it is of."""
    content = encode(noise(8, 8), "TIFF")
    # StripOffsets, one value: a LONG at first, then a RATIONAL.
    long, rational = struct.pack("<HHI", 273, 4, 1), struct.pack("<HHI", 273, 5, 1)
    assert content.count(long) == 1
    with pytest.raises(InvalidInput, match="send the whole file") as caught:
        decode(content.replace(long, rational))
    assert caught.value.reason == "UNREADABLE_IMAGE"


def test_no_damaged_file_gets_past_the_two_errors() -> None:
    """Random damage yields a picture or one of the two errors, never another exception."""
    rng = np.random.default_rng(1)
    contents = [*PLAIN.values(), encode(noise(20, 20, 4), "PNG"), encode(noise(9, 9), "GIF")]
    for content in contents:
        for _ in range(20):
            damaged = bytearray(content)
            for position in rng.integers(0, min(len(damaged), 300), 3):
                damaged[position] = rng.integers(0, 256)
            with contextlib.suppress(InvalidInput, TooLarge):
                assert decode(bytes(damaged), 8).shape == (8, 8, 3)


@pytest.mark.parametrize(
    "content",
    [
        png(20_000, 20_000),
        png(12_000, 12_000),
        png(7_072, 7_072),
        png(2**31 - 1, 2**31 - 1),
        encode(Image.new("1", (8_000, 8_000)), "TIFF", compression="group4"),
        encode(Image.new("1", (8_000, 8_000)), "GIF"),
    ],
    ids=["400 million", "144 million", "one over", "most", "tiff", "gif"],
)
def test_too_many_pixels_are_refused_before_they_are_decoded(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb is told by its header: nothing is decoded, nothing of its size is allocated."""

    def load(self: Image.Image) -> None:
        pytest.fail("the picture was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(TooLarge, match=r"limit .*50000000.*scale it down") as caught:
        decode(content)
    assert caught.value.reason == "TOO_MANY_PIXELS"


def test_the_bound_on_pixels_is_inclusive() -> None:
    """A picture of exactly as many pixels as allowed is decoded, one more is not."""
    content = encode(noise(30, 20), "PNG")
    assert decode_image(content, 8, max_pixels=600).shape == (8, 8, 3)
    with pytest.raises(TooLarge, match="30×20 = 600 pixels; the limit is 599"):
        decode_image(content, 8, max_pixels=599)


def test_a_long_thin_picture_is_refused() -> None:
    """One row of 49 million pixels is within the bound, and resizing it would take a gigabyte."""
    with pytest.raises(TooLarge, match="the limit for a side is 65535"):
        decode(png(49_000_000, 1, bits=1))


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_metadata_that_unpacks_to_much_is_refused(name: bytes) -> None:
    """Twenty megabytes of text in a PNG of eight pixels are not unpacked."""
    packed = b"k\0\0" + zlib.compress(b"\0" * 20_000_000, 9)
    with pytest.raises(InvalidInput, match="can't be decoded"):
        decode(png(8, 8, chunk(name, packed), data=b"\0" * 72))


def test_pillow_is_left_as_it_was_and_warns_nobody() -> None:
    """Neither a bomb nor odd metadata warns, and no setting of Pillow changes."""
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    entry = struct.pack("<HHII", 0x010F, 2, 1000, 9999)  # 1 000 bytes far beyond the end
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + b"\0" * 4
    odd = encode(quadrants(), "JPEG", exif=exif)
    with pytest.warns(UserWarning, match="Skipping tag"):
        Image.open(BytesIO(odd)).getexif()
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(BytesIO(png(10_000, 10_000)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert decode(odd).shape == (32, 32, 3)
        with pytest.raises(TooLarge):
            decode(png(10_000, 10_000))
    assert caught == []
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_threads_may_decode_at_the_same_time() -> None:
    """Good and bad pictures decoded together come out as they do alone."""

    def attempt(content: bytes) -> bytes | str:
        try:
            return decode(content).tobytes()
        except (InvalidInput, TooLarge) as error:
            return error.message

    contents = [*PLAIN.values(), b"", b"text", png(10_000, 10_000), PLAIN["jpeg"][:5000]] * 8
    alone = [attempt(content) for content in contents]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, contents)) == alone


def test_the_memory_of_a_picture_is_told_without_decoding_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In pixels of four bytes: WebP, transparency and many scans take several times as much."""

    def load(self: Image.Image) -> None:
        pytest.fail("the picture was decoded")

    rgb, rgba = noise(40, 30), noise(40, 30, 4)
    shares = {
        encode(rgb, "JPEG"): 1,
        encode(rgb, "JPEG", progressive=True): 2.5,
        encode(noise(40, 30, 1), "JPEG", progressive=True): 1.5,
        encode(rgb, "PNG"): 1,
        encode(rgba, "PNG"): 3,
        encode(rgb, "WEBP"): 4.5,
        encode(rgba, "WEBP"): 5.5,
        encode(rgb, "GIF"): 1.5,
        encode(rgb, "TIFF"): 1,
        encode(rgb, "TIFF", compression="tiff_lzw"): 2,
    }
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    told = {content: decoding_pixels(content, max_pixels=1_200) for content in shares}
    assert told == {content: 1_200 * share for content, share in shares.items()}


@pytest.mark.parametrize("content", [b"", b"text", png(20_000, 20_000), png(49_000_000, 1, bits=1)])
def test_asking_for_the_size_refuses_what_decoding_would_refuse(content: bytes) -> None:
    """By the same error, word for word."""
    with pytest.raises((InvalidInput, TooLarge)) as decoding:
        decode(content)
    with pytest.raises(type(decoding.value)) as asking:
        decoding_pixels(content, max_pixels=50_000_000)
    assert asking.value.message == decoding.value.message
    assert asking.value.reason == decoding.value.reason
