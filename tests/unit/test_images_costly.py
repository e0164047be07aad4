"""Small files that would cost minutes or gigabytes are refused before they are decoded."""

import struct
import zlib
from io import BytesIO

import pytest
import tihua
from picture_files import chunk, decode, encode, noise, png
from PIL import Image, ImageFile
from tihua._picture.bounds import MAX_PIECES, MAX_RLE_PIXELS, MAX_RLE_READS, MAX_SCANS, check_work
from tihua_server.errors import InvalidInput
from tihua_server.images import decoding_pixels

Tags = dict[int, tuple[int, ...]]


def bmp(width: int, height: int, pixels: bytes) -> bytes:
    """Return a run-length encoded BMP of 256 colours (BI_RLE8)."""
    palette = bytes(range(256)) * 4
    start = 14 + 40 + len(palette)
    size = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + size + palette + pixels


def jpeg(side: int, more_scans: int, between: bytes = b"") -> bytes:
    """Return a progressive grey JPEG whose last scan is repeated."""
    content = encode(Image.new("L", (side, side), 128), "JPEG", progressive=True, quality=50)
    start = content.rindex(b"\xff\xda")
    return content[:-2] + (between + content[start:-2]) * more_scans + content[-2:]


def tiff(tags: Tags, data: bytes) -> bytes:
    """Return a TIFF of LONGs, each tile or strip of which is `data`."""
    directory = struct.pack("<H", len(tags))
    values = b""
    end = 8 + 2 + 12 * len(tags) + 4
    place = end + 4 * sum(len(value) for value in tags.values() if len(value) > 1)
    for tag, value in sorted(tags.items()):
        longs = (place,) * len(value) if tag in {273, 324} else value
        if len(longs) == 1:
            directory += struct.pack("<HHII", tag, 4, 1, *longs)
        else:
            directory += struct.pack("<HHII", tag, 4, len(longs), end + len(values))
            values += struct.pack(f"<{len(longs)}I", *longs)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + values + data


def tiled(width: int, height: int, tile_width: int, tile_height: int) -> bytes:
    """Return a grey TIFF whose tiles are one and the same."""
    packed = zlib.compress(bytes(min(tile_width * tile_height, 1 << 20)), 9)
    count = -(-width // tile_width) * -(-height // tile_height)
    tags: Tags = {256: (width,), 257: (height,), 258: (8,), 259: (8,), 262: (1,), 277: (1,)}
    tags |= {322: (tile_width,), 323: (tile_height,), 324: (0,) * count}
    return tiff(tags | {325: (len(packed),) * count}, packed)


COSTLY = {
    "run-length encoded BMP": bmp(65_535, 762, b"\x01\0\0\0" * 762 + b"\0\1"),
    "BMP that goes nowhere": bmp(8, 8, b"\0\2\0\0" * (MAX_RLE_READS // 3 + 1) + b"\0\1"),
    "JPEG of many scans": jpeg(4_000, 200),
    "JPEG of many scans behind an end that is none": jpeg(4_000, 200, b"\xff\xfe\0\4\xff\xd9"),
    "small JPEG of many scans": jpeg(16, MAX_SCANS),
    "JPEG of many comments": encode(noise(8, 8), "JPEG").replace(
        b"\xff\xd8", b"\xff\xd8" + b"\xff\xfe\0\2" * MAX_PIECES, 1
    ),
    "PNG of many chunks": png(8, 8, chunk(b"prVt", b"") * MAX_PIECES),
    "tall tiles": tiled(16_000, 1, 16, 1_000_000),
    "a tile like a house": tiled(10, 10, 18_000, 18_000),
    "TIFF of many strips": tiff(
        {256: (8,), 257: (8,), 258: (8,), 259: (1,), 262: (1,), 273: (0,) * (MAX_PIECES + 1)},
        bytes(64),
    ),
}


@pytest.mark.parametrize("content", COSTLY.values(), ids=COSTLY)
def test_what_costs_far_more_than_its_pixels_is_refused(content: bytes) -> None:
    """By server and client, in the same words, with the bound and the remedy."""
    with pytest.raises(InvalidInput, match=r"\d.*save it as PNG or baseline JPEG") as caught:
        decode(content)
    assert caught.value.reason == "IMAGE_TOO_COSTLY"
    assert caught.value.metadata
    with pytest.raises(tihua.InvalidRequestError) as refused:
        tihua.preprocess(content, 32)
    assert (refused.value.message, refused.value.reason) == (
        caught.value.message,
        "IMAGE_TOO_COSTLY",
    )


@pytest.mark.parametrize("name", [name for name in COSTLY if name != "BMP that goes nowhere"])
def test_it_is_refused_before_it_is_decoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it takes no room from others either."""

    def load(self: Image.Image) -> None:
        pytest.fail("the picture was decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(InvalidInput):
        decoding_pixels(COSTLY[name], max_pixels=50_000_000)


@pytest.mark.parametrize(
    "content",
    [
        bmp(3_840, MAX_RLE_PIXELS // 3_840, (b"\xf0\7" * 16 + b"\0\0") * 2_187 + b"\0\1"),
        bmp(1_920, 1_080, (b"\0\x0c" + b"\7" * 12) * 160 * 1_080 + b"\0\1"),
        jpeg(1_000, 50),
        # An album's preview, or the film behind a photograph of a telephone: no scans of its own.
        encode(noise(64, 64), "JPEG") + b"\xff\xda" * 2_000,
        encode(noise(64, 64), "MPO", save_all=True, append_images=[noise(64, 64)] * 9),
        tiled(1_000, 300, 256, 256),
        tiled(10, 10, 512, 512),
        png(8, 8, *[chunk(b"tEXt", b"k\0v")] * 5_000, data=b"\0" * 72),
    ],
    ids=[
        "bmp",
        "bmp of many literals",
        "many scans",
        "film",
        "album",
        "tiles",
        "one tile",
        "texts",
    ],
)
def test_ordinary_files_are_decoded(content: bytes) -> None:
    """What programs write stays far within the bounds."""
    assert decode(content).shape == (32, 32, 3)


def test_a_progressive_jpeg_of_any_size_is_decoded() -> None:
    """Where the operator raised the bound on pixels: its ten scans are what programs write."""
    content = encode(noise(64, 64), "JPEG", progressive=True)
    with Image.open(BytesIO(content)) as image:
        image._size = (20_000, 20_000)
        check_work(image, content, max_pixels=500_000_000)


def test_tiles_are_counted_whole() -> None:
    """What sticks out of the picture is unpacked too."""
    assert decoding_pixels(tiled(10, 10, 512, 512), max_pixels=200_000) == 2 * 512 * 512


def test_a_bug_in_resizing_is_not_told_as_a_damaged_picture() -> None:
    """It would look like the caller's fault."""
    from tihua._picture import decoding

    def broken(image: Image.Image, size: int, box: decoding.Box | None) -> Image.Image:
        raise TypeError("a bug")

    content = BytesIO()
    noise(8, 8).save(content, "PNG")
    with pytest.raises(TypeError, match="a bug"):
        decoding.square_from_file(content.getvalue(), 8, max_pixels=64, resize=broken)
