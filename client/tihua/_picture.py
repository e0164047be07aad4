"""A picture file becomes a square of RGB pixels, as the model takes it in.

The server does this to every file; a client does the same, by this very module, to what it
preprocesses itself, so that it need not send the file. Only what resizes may be another: Pillow, or
in the server torch, which rounds otherwise. Needs Pillow, and knows nothing else.

For an RGB or grey picture that Pillow resizes the result is, bit for bit, what cn_clip's
`image_transform` resizes to, unless it is a JPEG so large that it is decoded at a fraction of its
size (`DRAFT_MARGIN`). Where cn_clip has no answer, or one that surprises, these hold:

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

import contextlib
import math
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO

from PIL import ExifTags, Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
"""What is decoded, told by content. Pillow reads more; each more is more code to trust."""

MAX_SIDE_PX = 65_535
"""Width and height at most: the limit of JPEG, and 2 MB for Pillow's table of bicubic weights.

The table takes 32 bytes a pixel of side: a PNG of 50 000 000 × 1 would ask for 1.6 GB.
"""

DRAFT_MARGIN = 6
"""A JPEG is decoded at 1/2, 1/4 or 1/8 while both sides stay this many times those of the square.

Measured with tihua-tiny as the cosine to full decoding, each picture at the least size that is
drafted, 2688×2688: 136 photographs enlarged with grain, 46 crops of them, 24 mosaics of 16 to 144
photographs and a page of text: median 0.9999, lowest 0.9996. With a margin of 4 the lowest of 204
others was 0.9985, of 3 0.9976, of 2.3 0.9955; of 1 most are below 0.999. Not kept are
patterns finer than the model can see, such as the dots of a print (2 of 4 below 0.999, lowest
0.984). One core decodes and resizes 4000×3000 pixels in 26 ms instead of 101.
"""

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge, in pixels."""

Resize = Callable[[Image.Image, int, Box | None], Image.Image]
"""Makes of a picture, or of the part within a box, a square of so many pixels a side, bicubic."""

_DAMAGED = (
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


class PictureError(Exception):
    """A picture can't be used.

    Attributes:
        message: one sentence for people: the value, the bound, the remedy.
        reason: stable and machine-readable, UPPER_SNAKE_CASE.
        metadata: the numbers of the message.
    """

    def __init__(
        self, message: str, *, reason: str, metadata: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata = {key: str(value) for key, value in (metadata or {}).items()}


class PictureTooLargeError(PictureError):
    """A picture has too many pixels, or too long a side."""


def picture_size(content: bytes, *, max_pixels: int) -> tuple[int, int]:
    """Return width and height in pixels, as the file's header tells them, before any turning.

    Costs some 0.02 ms: nothing is decoded. Arguments and errors are those of `square_from_file`.
    """
    with _opened(content, max_pixels) as image:
        return image.size


def resize(image: Image.Image, size: int, box: Box | None = None) -> Image.Image:
    """Return a picture, or the part of it within `box`, resized to a square: bicubic."""
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)


def square_from_file(
    content: bytes, size: int, *, max_pixels: int, resize: Resize = resize
) -> Image.Image:
    """Return the picture in a file, resized to a square: bicubic, aspect ratio not kept.

    Args:
        content: a JPEG, PNG, WebP, BMP, GIF or TIFF file.
        size: side of the square, in pixels.
        max_pixels: width times height at most, as the file's header tells them. A larger picture
            is refused before it is decoded. Pillow's own bound, 178 956 970, holds besides.
        resize: does the resizing.

    Returns:
        size × size pixels of mode RGB.

    Raises:
        PictureError: the bytes are empty, no picture of these formats, damaged or cut short.
        PictureTooLargeError: more than `max_pixels`, or a side of more than `MAX_SIDE_PX`.
    """
    with _opened(content, max_pixels) as image:
        # Of a JPEG alone: a fraction of its size, and what of that is picture and no padding.
        draft = image.draft(None, (DRAFT_MARGIN * size, DRAFT_MARGIN * size))
        image.load()
        resized = square(_plain(image), size, box=draft and draft[1], resize=resize)
        method = _upright_method(image)
        # Only now: one small picture is turned, and no large one is held twice.
        return resized if method is None else resized.transpose(method)


def whole_from_file(content: bytes, *, max_pixels: int) -> Image.Image:
    """Return the picture in a file at its own size, upright, of mode RGB.

    Arguments and errors are those of `square_from_file`.
    """
    with _opened(content, max_pixels) as image:
        image.load()
        method = _upright_method(image)
        plain = _plain(image)
        return _opaque(plain if method is None else plain.transpose(method))


def square(
    image: Image.Image, size: int, *, box: Box | None = None, resize: Resize = resize
) -> Image.Image:
    """Return a picture resized to a square: bicubic, aspect ratio not kept.

    Args:
        image: of mode RGB, L, CMYK or YCbCr, or RGBA, which is laid on white.
        size: side of the square, in pixels.
        box: left, upper, right and lower edge of what is taken, in pixels; None takes all.
        resize: does the resizing.

    Returns:
        size × size pixels of mode RGB.
    """
    # Only then 224 × 224 pixels are laid on white, not the millions they come from. Pillow weighs
    # colours by their alpha while it resizes, so the result is the same.
    return _opaque(resize(image, size, box))


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise `PictureTooLargeError` for a picture of too many pixels or too long a side."""
    metadata = {"width_px": width, "height_px": height, "max_pixels": max_pixels}
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"the picture is {width}×{height} = {width * height} pixels;"
            f" the limit is {max_pixels}: scale it down",
            reason="TOO_MANY_PIXELS",
            metadata=metadata,
        )
    if max(width, height) > MAX_SIDE_PX:
        raise PictureTooLargeError(
            f"the picture is {width}×{height} pixels;"
            f" the limit for a side is {MAX_SIDE_PX}: scale or crop it",
            reason="TOO_MANY_PIXELS",
            metadata=metadata,
        )


@contextlib.contextmanager
def _opened(content: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """Open a file, its pixels not yet decoded; what goes wrong inside becomes a PictureError."""
    if not content:
        raise PictureError(
            "the picture is empty (0 bytes); send a whole JPEG, PNG, WebP, BMP, GIF or TIFF file",
            reason="EMPTY_IMAGE",
        )
    _silence_pillow()
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            check_size(image.width, image.height, max_pixels)
            yield image
    except Image.DecompressionBombError as error:
        # Pillow names the number in its message and nowhere else.
        count = re.search(r"\d+", str(error))
        raise PictureTooLargeError(
            f"the picture is {count[0] if count else 'too many'} pixels; the limit is {max_pixels}:"
            " scale it down",
            reason="TOO_MANY_PIXELS",
            metadata={"max_pixels": max_pixels},
        ) from error
    except UnidentifiedImageError as error:
        raise PictureError(
            f"these {len(content)} bytes are no picture that can be read; send a whole JPEG, PNG,"
            " WebP, BMP, GIF or TIFF file (convert HEIC, AVIF and SVG to one of them)",
            reason="UNREADABLE_IMAGE",
        ) from error
    except _DAMAGED as error:
        raise PictureError(
            f"the picture is damaged or cut short: its {len(content)} bytes can't be decoded; send"
            " the whole file, or open it and save it again",
            reason="UNREADABLE_IMAGE",
        ) from error


def _silence_pillow() -> None:
    """Have Pillow's own warnings ignored: what they tell of is refused here, or harmless.

    A filter that stays, because `warnings.catch_warnings` swaps one list that all threads share;
    put back in front where somebody else's has come before it.
    """
    filters: Sequence[tuple[object, ...]] = warnings.filters
    if not filters or filters[0][3] != _PILLOW:
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)


def _upright_method(image: Image.Image) -> Image.Transpose | None:
    """Return what turns a picture as its EXIF orientation asks; None where that can't be read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except _DAMAGED:
        return None
    return _UPRIGHT.get(orientation) if isinstance(orientation, int) else None


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be resized: RGBA if any of it is transparent."""
    if image.mode.startswith("I;16"):
        image = _grey_from_16_bits(image)
    elif image.mode == "F":
        image = _grey_from_float(image)
    elif image.mode == "I":
        raise PictureError(
            "the picture has 32-bit or signed integers for pixels, and nothing tells which of them"
            " is white; save it with 8 or 16 bits a channel",
            reason="UNSUPPORTED_IMAGE",
        )
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in {"RGB", "L", "CMYK", "YCbCr"}:
        return image
    return image.convert("RGB")


def _opaque(image: Image.Image) -> Image.Image:
    """Return the picture of mode RGB, what is transparent in it white."""
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")


def _grey_from_16_bits(image: Image.Image) -> Image.Image:
    """Return the 8-bit level nearest to each 16-bit one: 65 535 is 255, so 257 steps are one."""
    native = image if image.mode == "I;16" else image.convert("I")
    grey = native.point(lambda level: level * (1 / 257) + 0.5).convert("L")
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        opacity = [255] * 65_536
        opacity[transparent] = 0
        return Image.merge("LA", (grey, image.convert("I").point(opacity, "L")))
    return grey


def _extrema(image: Image.Image) -> tuple[float, float]:
    low, high = image.getextrema()
    assert isinstance(low, float | int)  # of one channel there is one pair
    assert isinstance(high, float | int)
    return low, high


def _grey_from_float(image: Image.Image) -> Image.Image:
    low, high = _extrema(image)
    # One NaN makes the mean NaN; the extrema are silent about it.
    mean, _ = _extrema(image.resize((1, 1), Image.Resampling.BOX))
    if not (low >= 0 and high <= 1) or math.isnan(mean):
        raise PictureError(
            f"the picture has floating-point pixels from {low:g} to {high:g}; they must lie"
            " between 0 (black) and 1 (white): scale them, or save it with 8 or 16 bits a channel",
            reason="UNSUPPORTED_IMAGE",
        )
    return image.point(lambda level: level * 255 + 0.5).convert("L")
