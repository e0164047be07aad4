"""Converts the pixels of an opened picture: to a mode that can be resized, opaque, upright.

`_picture/decoding.py` has the rules for transparency, orientation and unusual modes.
"""

import math

from PIL import ExifTags, Image

from tihua._picture.errors import PictureError
from tihua._picture.file import DAMAGED

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that undoes each EXIF orientation (CIPA DC-008, tag 0x0112); 1 is upright."""


def upright_method(image: Image.Image) -> Image.Transpose | None:
    """Return the transposition that an EXIF orientation asks for; None if there is none to read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except DAMAGED:
        return None
    return _UPRIGHT.get(orientation) if isinstance(orientation, int) else None


def plain(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be resized: RGBA if it has transparency."""
    if image.mode.startswith("I;16"):
        image = _grey_from_16_bits(image)
    elif image.mode == "F":
        image = _grey_from_float(image)
    elif image.mode == "I":
        raise PictureError(
            "the picture has 32-bit or signed integers for pixels, and nothing tells which value"
            " is white; save it with 8 or 16 bits a channel",
            reason="UNSUPPORTED_IMAGE",
        )
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in {"RGB", "L", "CMYK", "YCbCr"}:
        return image
    return image.convert("RGB")


def opaque(image: Image.Image, ground: str = "white") -> Image.Image:
    """Return the picture in mode RGB, laid on a ground of that colour if it has transparency."""
    if image.mode == "RGBA":
        laid = Image.new("RGBA", image.size, ground)
        laid.alpha_composite(image)
        image = laid
    return image.convert("RGB")


def _grey_from_16_bits(image: Image.Image) -> Image.Image:
    """Return the picture with 8-bit levels, each the nearest to a 257th: 65 535 becomes 255."""
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
    assert isinstance(low, float | int)  # one channel has one pair
    assert isinstance(high, float | int)
    return low, high


def _grey_from_float(image: Image.Image) -> Image.Image:
    low, high = _extrema(image)
    # A NaN makes the mean NaN, but does not show in the extrema.
    mean, _ = _extrema(image.resize((1, 1), Image.Resampling.BOX))
    if not (low >= 0 and high <= 1) or math.isnan(mean):
        raise PictureError(
            f"the picture has floating-point pixels from {low:g} to {high:g}; they must lie"
            " between 0 (black) and 1 (white): scale them, or save it with 8 or 16 bits a channel",
            reason="UNSUPPORTED_IMAGE",
        )
    return image.point(lambda level: level * 255 + 0.5).convert("L")
