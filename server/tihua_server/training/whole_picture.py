"""A whole picture, decoded as the server decodes it; training cuts windows from it."""

from PIL import Image
from tihua._picture.decoding import decode
from tihua._picture.pixels import opaque


def whole_picture(content: bytes, *, max_pixels: int, draft_side: int) -> Image.Image:
    """Return the picture in a file, upright, of mode RGB.

    Args:
        content: as for `tihua._picture.decoding.square_from_file`.
        max_pixels: likewise.
        draft_side: a JPEG is decoded at 1/2, 1/4 or 1/8 as long as both sides keep at least this
            many pixels; other formats keep their size.

    Raises:
        PictureError: as for `tihua._picture.decoding.square_from_file`.
    """
    decoded = decode(content, max_pixels=max_pixels, draft_side=draft_side)
    return opaque(decoded.upright(decoded.pixels))
