"""What training learns from: pictures with the Chinese texts that describe them.

A source is an ordered set of pictures, each drawn anew for every view; the same source, view and
index always give the same pixels, so that features can be cached and a run repeated.
"""

from typing import Protocol

import numpy as np
from PIL import Image

from tihua_server.types import PixelArray

WHITE = (255, 255, 255)


class TextSource(Protocol):
    """Things with texts that describe them.

    Attributes:
        name: what it is, for file names: `photographs-train`.
    """

    name: str

    def __len__(self) -> int:
        """Return the number of things."""

    def texts(self, index: int) -> tuple[str, ...]:
        """Return the texts of a thing, the most fitting first; at least one."""

    def group(self, index: int) -> str:
        """Return what is shown; two things of one group are never told apart."""


class PictureSource(TextSource, Protocol):
    """Pictures with texts.

    Attributes:
        views: how many ways each picture is drawn; view 0 is the picture as the server sees it.
    """

    views: int

    def picture(self, index: int, view: int) -> Image.Image:
        """Return a picture in RGB, of any size."""


def on_white(picture: Image.Image) -> Image.Image:
    """Return the picture in RGB, what is transparent in it white."""
    if picture.mode == "RGB":
        return picture
    layer = picture.convert("RGBA")
    canvas = Image.new("RGBA", layer.size, (*WHITE, 255))
    canvas.alpha_composite(layer)
    return canvas.convert("RGB")


def to_square(picture: Image.Image, side: int) -> PixelArray:
    """Return (side, side, 3) RGB pixels; bicubic, aspect ratio not kept, as the server resizes."""
    resized = picture.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(resized, dtype=np.uint8)
