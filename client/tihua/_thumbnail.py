"""A picture file as a small picture on a mat; whatever the file, no exception.

Needs Pillow (the extra `sheet`).
"""

import struct
import warnings
from pathlib import Path

from PIL import Image, ImageOps

_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,  # a broken chunk of a PNG
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises on a file that is missing, broken, no picture, or far too large."""


def thumbnail(path: Path, side_px: int, mat: str) -> Image.Image | None:
    """Return the picture, upright, within a square; None if the file can't be read.

    Args:
        path: of the file; only a regular file is opened.
        side_px: of the square, in pixels; smaller pictures are enlarged to it.
        mat: colour that shows through where the picture is transparent.

    Returns:
        RGB, its longer side `side_px`.
    """
    try:
        if not path.is_file():
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                file.draft("RGB", (2 * side_px, 2 * side_px))  # a JPEG is decoded at a fraction
                picture = _on_mat(ImageOps.exif_transpose(file), mat)
        ratio = side_px / max(picture.size)
        size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
        return picture.resize(size, Image.Resampling.LANCZOS)
    except _UNREADABLE:
        return None


def _on_mat(picture: Image.Image, mat: str) -> Image.Image:
    """Return a picture of any mode as RGB, what is transparent laid on the mat."""
    if picture.mode.startswith("I"):  # 16 bits of grey, which convert() would clip to white
        return picture.point(lambda grey: grey / 256).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    ground = Image.new("RGBA", picture.size, mat)
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
