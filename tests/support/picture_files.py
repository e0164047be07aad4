"""Generates picture files of every kind, and decodes them."""

import struct
import zlib
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from tihua_server.images import decode_image

MAX_PIXELS = 50_000_000

Pixels = npt.NDArray[np.uint8]


def decode(content: bytes, size: int = 32) -> Pixels:
    """Decode under the default bound on pixels."""
    return decode_image(content, size, max_pixels=MAX_PIXELS)


def encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    """Return the picture as a file."""
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def noise(width: int, height: int, channels: int = 3, seed: int = 0) -> Image.Image:
    """Return noise, in which every mistake of resizing is visible."""
    rng = np.random.default_rng(seed)
    shape = (height, width, channels) if channels > 1 else (height, width)
    return Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))


def quadrants() -> Image.Image:
    """Return 64×64 pixels: red and green above, blue and white below."""
    image = Image.new("RGB", (64, 64), "white")
    image.paste((255, 0, 0), (0, 0, 32, 32))
    image.paste((0, 255, 0), (32, 0, 64, 32))
    image.paste((0, 0, 255), (0, 32, 32, 64))
    return image


def corners(pixels: Pixels) -> list[tuple[int, ...]]:
    """Return the colours a quarter in from each corner: top left, top right, bottom left, right."""
    near, far = len(pixels) // 4, 3 * len(pixels) // 4
    return [tuple(map(int, pixels[y, x])) for y in (near, far) for x in (near, far)]


def png(width: int, height: int, *chunks: bytes, bits: int = 8, data: bytes = b"") -> bytes:
    """Return a grey PNG with any header, chunks before its pixels, and any pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(data or b"\0" * 64))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(chunks)
        + pixels
        + chunk(b"IEND", b"")
    )


def chunk(name: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PLAIN = {
    "jpeg": encode(noise(640, 480), "JPEG", quality=90),
    "progressive jpeg": encode(noise(31, 977), "JPEG", progressive=True),
    "one pixel": encode(noise(1, 1), "JPEG"),
    "grey jpeg": encode(noise(300, 200, 1), "JPEG"),
    "cmyk jpeg": encode(noise(250, 251).convert("CMYK"), "JPEG"),
    "png of the right size": encode(noise(224, 224), "PNG"),
    "flat png": encode(noise(500, 20), "PNG"),
    "grey png": encode(noise(77, 401, 1), "PNG"),
    "opaque rgba png": encode(noise(99, 70).convert("RGBA"), "PNG"),
    "webp": encode(noise(250, 251), "WEBP", quality=70),
    "bmp": encode(noise(250, 251), "BMP"),
    "tiff": encode(noise(250, 251), "TIFF", compression="tiff_lzw"),
}
