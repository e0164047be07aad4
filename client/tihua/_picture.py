"""A picture file becomes a square of RGB pixels, the model's input.

The server does this to every file; a client does the same, with these very modules, to preprocess
pictures itself, so that it need not send the files. Only the resizing may differ: by Pillow, or in
the server by torch, which rounds differently. Needs Pillow and no other library.

For an RGB or grey picture that Pillow resizes, the result is bit for bit that of cn_clip's
`image_transform`, unless it is a JPEG so large that it is decoded at a fraction of its size
(`DRAFT_MARGIN`). Where cn_clip does nothing, or something surprising, these rules hold:

* the EXIF orientation is applied, so the model sees what people see (cn_clip does not);
* transparency is laid on white (cn_clip drops the alpha channel and shows what lay under it);
* palettes are looked up before resizing, so that it is bicubic (cn_clip takes the nearest pixel);
* 16-bit grey is scaled to 8 bits (cn_clip clips it to white);
* of an animation, or a file of several pages, the first picture is taken;
* a float TIFF is taken as black at 0 and white at 1; 32-bit integers have no agreed white and are
  refused, as is every format that is not listed in `_picture_file.FORMATS`.

Everything here may run in several threads at once; Pillow lets go of the GIL while it decodes and
resizes. No setting of Pillow is changed.
"""

from collections.abc import Callable

from PIL import Image

from tihua._picture_file import opened
from tihua._picture_memory import memory_pixels
from tihua._picture_pixels import opaque, plain, upright_method

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


def decoding_pixels(content: bytes, *, max_pixels: int) -> int:
    """Return how much memory decoding takes, in pixels of RGB: Pillow has 4 bytes for each.

    Costs some 0.02 ms: nothing is decoded. Arguments and errors are those of `square_from_file`.
    """
    with opened(content, max_pixels) as image:
        return memory_pixels(image, content)


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
        PictureError: the bytes are empty, no picture of these formats, damaged or cut short, or ask
            for far more work than their pixels (`_picture_bounds.py`).
        PictureTooLargeError: more than `max_pixels`, or a side of more than
            `_picture_bounds.MAX_SIDE_PX`.
    """
    with opened(content, max_pixels) as image:
        # Of a JPEG alone: a fraction of its size, and what of that is picture and no padding.
        draft = image.draft(None, (DRAFT_MARGIN * size, DRAFT_MARGIN * size))
        image.load()
        pixels = plain(image)
        method = upright_method(image)
    # What fails from here on is no fault of the file.
    resized = square(pixels, size, box=draft and draft[1], resize=resize)
    # Only now: one small picture is turned, and no large one is held twice.
    return resized if method is None else resized.transpose(method)


def whole_from_file(content: bytes, *, max_pixels: int, draft_side: int) -> Image.Image:
    """Return the picture in a file, upright, of mode RGB.

    Args:
        content: as `square_from_file` takes it.
        max_pixels: likewise.
        draft_side: a JPEG is decoded at 1/2, 1/4 or 1/8 while both sides stay at least so many
            pixels; others keep their size.

    Raises:
        PictureError, PictureTooLargeError: as `square_from_file` raises them.
    """
    with opened(content, max_pixels) as image:
        image.draft(None, (draft_side, draft_side))
        image.load()
        pixels = plain(image)
        method = upright_method(image)
    return opaque(pixels if method is None else pixels.transpose(method))


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
    return opaque(resize(image, size, box))
