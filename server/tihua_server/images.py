"""Bytes → pixels: a file as a client sends it becomes what the model's preprocessing would see.

For an RGB or grey picture the result is, bit for bit, what cn_clip's `image_transform` resizes to.
Where cn_clip has no answer, or one that surprises, these hold:

* the EXIF orientation is applied, so the model sees what people see (cn_clip does not);
* transparency is laid on white (cn_clip drops the alpha channel and shows what lay under it);
* palettes are looked up before resizing, so that it is bicubic (cn_clip takes the nearest pixel);
* 16-bit grey is scaled to 8 bits (cn_clip clips it to white);
* of an animation, or a file of several pages, the first picture is taken;
* a float TIFF is taken as black at 0 and white at 1; 32-bit integers have no agreed white and are
  refused, as is every format that is not listed in `FORMATS`.

Everything here may run in several threads at once; Pillow lets go of the GIL while it decodes and
resizes. No setting of Pillow is changed.
"""

import re
import struct
import warnings
import zlib
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from tihua_server.errors import InvalidInput, TooLarge
from tihua_server.types import PixelArray

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
"""What is decoded, told by content. Pillow reads more; each more is more code to trust."""

MAX_SIDE_PX = 65_535
"""Width and height at most: the limit of JPEG, and 2 MB for Pillow's table of bicubic weights.

The table takes 32 bytes a pixel of side: a PNG of 50 000 000 × 1 would ask for 1.6 GB.
"""

_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders raise for files that are damaged, cut short or made to deceive."""

_PILLOW = re.compile(r"PIL\.")
"""The modules whose warnings are ignored."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation (CIPA DC-008, tag 0x0112); 1 is upright."""

_EIGHT_BITS = ((np.arange(65_536) + 128) // 257).astype(np.uint8)
"""The 8-bit level nearest to each 16-bit one: 65 535 is 255, so 257 steps are one."""


def decode_image(content: bytes, size: int, *, max_pixels: int) -> PixelArray:
    """Return the picture in a file, resized to a square: bicubic, aspect ratio not kept.

    Args:
        content: a JPEG, PNG, WebP, BMP, GIF or TIFF file.
        size: side of the square, in pixels.
        max_pixels: width times height at most, as the file's header tells them. A larger picture
            is refused before it is decoded. Pillow's own bound, 178 956 970, holds besides.

    Returns:
        (size, size, 3) uint8, RGB.

    Raises:
        InvalidInput: the bytes are empty, no picture of these formats, damaged or cut short.
        TooLarge: more than `max_pixels`, or a side of more than `MAX_SIDE_PX`.
    """
    if not content:
        raise InvalidInput(
            "the picture is empty (0 bytes); send a whole JPEG, PNG, WebP, BMP, GIF or TIFF file",
            reason="EMPTY_IMAGE",
        )
    _silence_pillow()
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _check_size(image.width, image.height, max_pixels)
            image.load()
            return _square(_plain(_upright(image)), size)
    except Image.DecompressionBombError as error:
        # Pillow names the number in its message and nowhere else.
        count = re.search(r"\d+", str(error))
        raise TooLarge(
            f"the picture is {count[0] if count else 'too many'} pixels; the limit is {max_pixels}:"
            " scale it down",
            reason="TOO_MANY_PIXELS",
            metadata={"max_pixels": max_pixels},
        ) from error
    except UnidentifiedImageError as error:
        raise InvalidInput(
            f"these {len(content)} bytes are no picture that can be read; send a whole JPEG, PNG,"
            " WebP, BMP, GIF or TIFF file (convert HEIC, AVIF and SVG to one of them)",
            reason="UNREADABLE_IMAGE",
        ) from error
    except _DAMAGED as error:
        raise InvalidInput(
            f"the picture is damaged or cut short: its {len(content)} bytes can't be decoded; send"
            " the whole file, or open it and save it again",
            reason="UNREADABLE_IMAGE",
        ) from error


def pixels_from_rgb(data: bytes, width: int, height: int, size: int) -> PixelArray:
    """Return a picture that the caller decoded, resized to a square if it is not one of that size.

    Args:
        data: height * width * 3 bytes: rows from the top, pixels from the left, red, green, blue.
        width: in pixels.
        height: in pixels.
        size: side of the square, in pixels.

    Returns:
        (size, size, 3) uint8, RGB.

    Raises:
        InvalidInput: width or height is 0, or `data` has another length.
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
    _check_size(width, height, max_pixels=width * height)
    return _square(Image.frombytes("RGB", (width, height), data), size)


def _silence_pillow() -> None:
    """Have Pillow's own warnings ignored: what they tell of is refused here, or harmless.

    A filter that stays, because `warnings.catch_warnings` swaps one list that all threads share;
    put back in front where somebody else's has come before it.
    """
    filters: Sequence[tuple[object, ...]] = warnings.filters
    if not filters or filters[0][3] != _PILLOW:
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)


def _check_size(width: int, height: int, max_pixels: int) -> None:
    metadata = {"width_px": width, "height_px": height, "max_pixels": max_pixels}
    if width * height > max_pixels:
        raise TooLarge(
            f"the picture is {width}×{height} = {width * height} pixels;"
            f" the limit is {max_pixels}: scale it down",
            reason="TOO_MANY_PIXELS",
            metadata=metadata,
        )
    if max(width, height) > MAX_SIDE_PX:
        raise TooLarge(
            f"the picture is {width}×{height} pixels;"
            f" the limit for a side is {MAX_SIDE_PX}: scale or crop it",
            reason="TOO_MANY_PIXELS",
            metadata=metadata,
        )


def _upright(image: Image.Image) -> Image.Image:
    """Return the picture turned as its EXIF orientation asks; as it is where that can't be read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except _DAMAGED:
        return image
    method = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if method is None else image.transpose(method)


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be resized: RGBA if any of it is transparent."""
    if image.mode.startswith("I;16"):
        image = _grey_from_16_bits(image)
    elif image.mode == "F":
        image = _grey_from_float(image)
    elif image.mode == "I":
        raise InvalidInput(
            "the picture has 32-bit or signed integers for pixels, and nothing tells which of them"
            " is white; save it with 8 or 16 bits a channel",
            reason="UNSUPPORTED_IMAGE",
        )
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in {"RGB", "L", "CMYK", "YCbCr"}:
        return image
    return image.convert("RGB")


def _grey_from_16_bits(image: Image.Image) -> Image.Image:
    values: npt.NDArray[np.uint16] = np.asarray(image)
    grey = Image.fromarray(_EIGHT_BITS[values])
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
        return Image.merge("LA", (grey, Image.fromarray(alpha)))
    return grey


def _grey_from_float(image: Image.Image) -> Image.Image:
    values: npt.NDArray[np.float32] = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):
        raise InvalidInput(
            f"the picture has floating-point pixels from {low:g} to {high:g}; they must lie"
            " between 0 (black) and 1 (white): scale them, or save it with 8 or 16 bits a channel",
            reason="UNSUPPORTED_IMAGE",
        )
    return Image.fromarray(np.rint(values * 255).astype(np.uint8))


def _square(image: Image.Image, size: int) -> PixelArray:
    resized = image.resize((size, size), Image.Resampling.BICUBIC)
    if resized.mode == "RGBA":
        # Only now: 224 × 224 pixels are laid on white, not the millions they come from. Pillow
        # weighs colours by their alpha while it resizes, so the result is the same.
        white = Image.new("RGBA", resized.size, "white")
        white.alpha_composite(resized)
        resized = white
    return np.array(resized.convert("RGB"))
