"""Bytes → pixels: turns a client's file into the square of pixels that the model takes.

`tihua._picture`, which a client may run instead of the server, does the work: it also handles
transparency, orientation and odd formats. Here its errors become ours, and its pictures arrays.
"""

import contextlib
from collections.abc import Iterator

import numpy as np
from PIL import Image
from tihua._picture import bounds, decoding, errors
from tihua._picture.decoding import Resize

from tihua_server.errors import InvalidInput, TooLarge
from tihua_server.types import PixelArray


def decoding_pixels(content: bytes, *, max_pixels: int) -> int:
    """Return the memory that decoding takes, in RGB pixels of 4 bytes each; decodes nothing.

    Costs some 0.02 ms. Arguments and errors are those of `decode_image`.
    """
    with _translated():
        return decoding.decoding_pixels(content, max_pixels=max_pixels)


def decode_image(
    content: bytes, size: int, *, max_pixels: int, resize: Resize = decoding.resize
) -> PixelArray:
    """Return the picture in a file, resized to a square: bicubic, aspect ratio not kept.

    Args:
        content: a JPEG, PNG, WebP, BMP, GIF or TIFF file.
        size: side of the square, in pixels.
        max_pixels: largest width times height, as in the file's header. A larger picture is refused
            before it is decoded. Pillow's own bound, 178 956 970, also applies.
        resize: the function that resizes.

    Returns:
        (size, size, 3) uint8, RGB.

    Raises:
        InvalidInput: the bytes are empty, not a picture in one of these formats, damaged or
            truncated, or take far more work than their number of pixels justifies.
        TooLarge: more than `max_pixels`, or a side of more than `MAX_SIDE_PX`.
    """
    with _translated():
        return np.array(
            decoding.square_from_file(content, size, max_pixels=max_pixels, resize=resize)
        )


def pixels_from_rgb(
    data: bytes, width: int, height: int, size: int, *, resize: Resize = decoding.resize
) -> PixelArray:
    """Return a picture that the caller decoded, resized to a square if it is not one of that size.

    Args:
        data: height * width * 3 bytes: rows from the top, pixels from the left, red, green, blue.
        width: in pixels.
        height: in pixels.
        size: side of the square, in pixels.
        resize: the function that resizes.

    Returns:
        (size, size, 3) uint8, RGB.

    Raises:
        InvalidInput: width or height is 0, or `data` has the wrong length.
        TooLarge: a side of more than `MAX_SIDE_PX`.
    """
    if width < 1 or height < 1:
        raise InvalidInput(
            f"the picture is {width}×{height} pixels; width and height must be 1 or more",
            reason="EMPTY_IMAGE",
        )
    if len(data) != width * height * 3:
        raise InvalidInput(
            f"the picture has {len(data)} bytes; {width}×{height} RGB pixels are"
            f" {width * height * 3} bytes",
            reason="UNREADABLE_IMAGE",
        )
    with _translated():
        bounds.check_size(width, height, max_pixels=width * height)
    return np.array(
        decoding.square(Image.frombytes("RGB", (width, height), data), size, resize=resize)
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except errors.PictureTooLargeError as error:
        raise TooLarge(error.message, reason=error.reason, metadata=error.metadata) from error
    except errors.PictureError as error:
        raise InvalidInput(error.message, reason=error.reason, metadata=error.metadata) from error
