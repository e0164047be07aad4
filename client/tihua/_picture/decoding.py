"""Turns a picture file into a square of RGB pixels, the model's input.

The server does this to every file. A client may do it with the same modules, in order not to send
the files. Only the resizing may differ: the server may use torch, which rounds differently from
Pillow. Needs Pillow and no other library.

For an RGB or grey picture that Pillow resizes, the result is bit for bit that of cn_clip's
`image_transform`, unless it is a JPEG so large that it is decoded at a fraction of its size
(`DRAFT_MARGIN`). Where cn_clip does nothing, or something surprising, these rules hold:

* the EXIF orientation is applied, so the model sees what people see (cn_clip does not);
* transparent pictures are laid on white (cn_clip drops the alpha channel and shows the colours
  under it);
* palettes are resolved before resizing, so that it is bicubic (cn_clip takes the nearest pixel);
* 16-bit grey is scaled to 8 bits (cn_clip clips it to white);
* of an animation, or a file of several pages, the first picture is used;
* in a float TIFF 0 is black and 1 is white; 32-bit integers have no agreed white and are refused,
  as is every format that is not listed in `file.FORMATS`.

All functions may run in several threads at once; Pillow releases the GIL while it decodes and
resizes. Pillow's settings are not changed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from tihua._picture.file import opened
from tihua._picture.memory import memory_pixels
from tihua._picture.pixels import opaque, plain, upright_method

DRAFT_MARGIN = 6
"""A JPEG is decoded at 1/2, 1/4 or 1/8 if both sides remain this many times those of the square.

Measured with tihua-tiny as the cosine to full decoding, each picture at the smallest size that is
reduced, 2688×2688: 136 photographs enlarged with grain, 46 crops of them, 24 mosaics of 16 to 144
photographs and a page of text: median 0.9999, lowest 0.9996. With a margin of 4 the lowest of 204
others was 0.9985, with 3 0.9976, with 2.3 0.9955; with 1 most are below 0.999. Patterns finer than
the model can see, such as the dots of a print, are lost (2 of 4 below 0.999, lowest 0.984). One
core decodes and resizes 4000×3000 pixels in 26 ms instead of 101.
"""

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge, in pixels."""

Resize = Callable[[Image.Image, int, Box | None], Image.Image]
"""Resizes a picture, or the part within a box, to a square of that side in pixels, bicubic."""


def decoding_pixels(content: bytes, *, max_pixels: int) -> int:
    """Return the memory that decoding takes, in pixels of RGB, of 4 bytes each in Pillow.

    Takes some 0.02 ms: nothing is decoded. Arguments and errors are those of `square_from_file`.
    """
    with opened(content, max_pixels) as image:
        return memory_pixels(image, content)


def resize(image: Image.Image, size: int, box: Box | None = None) -> Image.Image:
    """Return a picture, or the part of it within `box`, resized to a square: bicubic."""
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The picture in a file, as it is stored.

    Attributes:
        pixels: of a mode that can be resized: RGB, RGBA, L, CMYK or YCbCr.
        box: the part that is picture, of a JPEG decoded at a fraction; the rest is padding. None
            means all.
        method: turns it upright; None if it is.
    """

    pixels: Image.Image
    box: Box | None
    method: Image.Transpose | None

    def upright(self, image: Image.Image) -> Image.Image:
        """Return an image of these pixels, such as a smaller one, turned upright."""
        return image if self.method is None else image.transpose(self.method)


def decode(content: bytes, *, max_pixels: int, draft_side: int) -> Decoded:
    """Return the picture in a file. Errors are those of `square_from_file`.

    Args:
        content: as for `square_from_file`.
        max_pixels: as for `square_from_file`.
        draft_side: a JPEG is decoded at 1/2, 1/4 or 1/8 if both sides keep at least this many
            pixels; other formats keep their size.
    """
    with opened(content, max_pixels) as image:
        draft = image.draft(None, (draft_side, draft_side))
        image.load()
        return Decoded(plain(image), draft and draft[1], upright_method(image))


def square_from_file(
    content: bytes, size: int, *, max_pixels: int, resize: Resize = resize
) -> Image.Image:
    """Return the picture in a file, resized to a square: bicubic, aspect ratio not kept.

    Args:
        content: a JPEG, PNG, WebP, BMP, GIF or TIFF file.
        size: side of the square, in pixels.
        max_pixels: maximum width times height, by the file's header. A larger picture is refused
            before it is decoded. Pillow's own bound, 178 956 970, also applies.
        resize: does the resizing.

    Returns:
        size × size pixels of mode RGB.

    Raises:
        PictureError: the bytes are empty, not a picture of these formats, damaged or cut short, or
            cost far more work than their pixels (`_picture/bounds.py`).
        PictureTooLargeError: more than `max_pixels`, or a side of more than
            `bounds.MAX_SIDE_PX`.
    """
    decoded = decode(content, max_pixels=max_pixels, draft_side=DRAFT_MARGIN * size)
    # Errors from here on are not the file's fault.
    resized = square(decoded.pixels, size, box=decoded.box, resize=resize)
    # Only now: this turns a small picture, and no large one is in memory twice.
    return decoded.upright(resized)


def square(
    image: Image.Image, size: int, *, box: Box | None = None, resize: Resize = resize
) -> Image.Image:
    """Return a picture resized to a square: bicubic, aspect ratio not kept.

    Args:
        image: of mode RGB, L, CMYK or YCbCr, or RGBA, which is laid on white.
        size: side of the square, in pixels.
        box: left, upper, right and lower edge of the part to use, in pixels; None means all.
        resize: does the resizing.

    Returns:
        size × size pixels of mode RGB.
    """
    # Resize first: so 224 × 224 pixels are laid on white, not millions. Pillow weights colours by
    # alpha while it resizes, so the result is the same.
    return opaque(resize(image, size, box))
