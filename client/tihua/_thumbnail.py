"""Turns a picture file into a small picture on a mat, without raising for any file.

It reads and shows pictures as for the model (`_picture/decoding.py`). Needs Pillow (the extra
`sheet`).
"""

from pathlib import Path

from PIL import Image

from tihua._picture.decoding import decode
from tihua._picture.errors import PictureError
from tihua._picture.pixels import opaque

_MAX_PIXELS = 90_000_000
"""Maximum width times height: 360 MB while it is decoded. Pillow itself warns at about as many."""

_MAX_BYTES = 512 * 2**20
"""Maximum size of a file: that of so many pixels without compression."""


def thumbnail(path: Path, side_px: int, mat: str) -> Image.Image | None:
    """Return the picture, upright, within a square; None if the file can't be read.

    Args:
        path: the file; only a regular file is opened.
        side_px: side of the square, in pixels; smaller pictures are enlarged to it.
        mat: colour that shows through the transparent parts of the picture.

    Returns:
        RGB, its longer side `side_px`.
    """
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        decoded = decode(path.read_bytes(), max_pixels=_MAX_PIXELS, draft_side=2 * side_px)
    except (OSError, PictureError):
        return None
    pixels = decoded.pixels
    ratio = side_px / max(pixels.size)
    size = (max(1, round(pixels.width * ratio)), max(1, round(pixels.height * ratio)))
    small = opaque(pixels.resize(size, Image.Resampling.LANCZOS), mat)
    return decoded.upright(small)
