"""Estimates the memory that decoding a picture takes, before it is decoded.

Measured as the peak of a process that decodes and resizes 25 megapixels with Pillow 13, in bytes
per pixel:

    JPEG                                  1 to 4       (large ones at a fraction of their size)
    JPEG, progressive or in several scans 7, CMYK 8.5  (2 more for each component and pixel)
    PNG, BMP, TIFF                        1 to 4.3
    GIF, palettes, 16-bit grey            5 to 5.3
    TIFF of floats, LAB                   8 to 9
    with transparency                     9 to 12.3
    WebP                                  16 to 18, with transparency 20 to 22
"""

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from tihua._picture.bounds import scan_count, stored_pixels

_PLAIN_MODES = {"1": 1.5, "L": 1, "P": 1.5, "I;16": 1.5, "RGB": 1, "CMYK": 1, "YCbCr": 1}
"""Modes, and the memory of a pixel with its conversion, in pixels of RGB; other modes take
`_OTHER`."""

_OTHER, _TRANSPARENT = 2.5, 3
_WEBP, _TRANSPARENT_WEBP = 4.5, 5.5


def memory_pixels(image: Image.Image, content: bytes) -> int:
    """Return the memory that decoding takes, in pixels of RGB, of 4 bytes each in Pillow.

    Args:
        image: the opened picture, not yet decoded.
        content: its file.
    """
    pixels = image.width * image.height
    is_transparent = image.has_transparency_data
    if image.format == "WEBP":
        return int(pixels * (_TRANSPARENT_WEBP if is_transparent else _WEBP))
    share = _TRANSPARENT if is_transparent else _PLAIN_MODES.get(image.mode, _OTHER)
    if isinstance(image, JpegImageFile) and scan_count(image, content, 2) > 1:
        share += image.layers / 2  # all coefficients, of 2 bytes, are kept until the last scan
    elif isinstance(image, TiffImageFile):
        pixels = stored_pixels(image)
        if image.info.get("compression") != "raw":
            share += 1  # a strip or tile may hold all of it, and libtiff unpacks it as a whole
    return int(pixels * share)
