"""Opens picture files: checks format and size, and turns faults into errors.

The bytes are not trusted: nothing is decoded before its size is known, and a damaged or malicious
file raises an error that says what to do. Needs Pillow and no other library.
"""

import contextlib
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence

from PIL import Image, UnidentifiedImageError

from tihua._picture.bounds import check_size, check_tags, check_work, readable
from tihua._picture.errors import PictureError, PictureTooLargeError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
"""The formats to decode, detected by content. Pillow reads more; each is more code to trust."""

DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
"""Exceptions of Pillow's decoders for files that are damaged, cut short or malicious."""

_PILLOW = re.compile(r"PIL\.")
"""The modules whose warnings are ignored."""


@contextlib.contextmanager
def opened(content: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """Open a file without decoding it; errors inside the block become a PictureError."""
    if not content:
        raise PictureError(
            "the picture is empty (0 bytes); send a whole JPEG, PNG, WebP, BMP, GIF or TIFF file",
            reason="EMPTY_IMAGE",
        )
    _silence_pillow()
    try:
        check_tags(content)
        with Image.open(readable(content), formats=FORMATS) as image:
            check_size(image.width, image.height, max_pixels)
            check_work(image, content, max_pixels)
            yield image
    except Image.DecompressionBombError as error:
        # Only Pillow's message has the number.
        count = re.search(r"\d+", str(error))
        raise PictureTooLargeError(
            f"the picture is {count[0] if count else 'too many'} pixels; the limit is {max_pixels}:"
            " scale it down",
            reason="TOO_MANY_PIXELS",
            metadata={"max_pixels": max_pixels},
        ) from error
    except UnidentifiedImageError as error:
        raise PictureError(
            f"these {len(content)} bytes can't be read as a picture; send a whole JPEG, PNG,"
            " WebP, BMP, GIF or TIFF file (convert HEIC, AVIF and SVG to one of them)",
            reason="UNREADABLE_IMAGE",
        ) from error
    except DAMAGED as error:
        raise PictureError(
            f"the picture is damaged or cut short: its {len(content)} bytes can't be decoded; send"
            " the whole file, or open it and save it again",
            reason="UNREADABLE_IMAGE",
        ) from error


def _silence_pillow() -> None:
    """Ignore Pillow's warnings: their causes are refused here, or harmless.

    The filter stays, because `warnings.catch_warnings` swaps a list that all threads share. It is
    added again if another filter was put in front of it.
    """
    filters: Sequence[tuple[object, ...]] = warnings.filters
    if not filters or filters[0][3] != _PILLOW:
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)
