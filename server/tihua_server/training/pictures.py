"""What training learns from: pictures with the Chinese texts that describe them.

A source is an ordered set of pictures, each drawn anew for every view; the same source, view and
index always give the same pixels, so that features can be cached and a run repeated.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
from PIL import Image
from tihua._cores import usable_cores

from tihua_server.types import PixelArray


class TextSource(Protocol):
    """Things with texts that describe them.

    Attributes:
        name: what it is, for file names: `photographs-train`.
    """

    name: str

    @property
    def digest(self) -> str:
        """What tells these things, and how they are drawn, from others."""

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


def to_square(picture: Image.Image, side: int) -> PixelArray:
    """Return (side, side, 3) RGB pixels; bicubic, aspect ratio not kept, as the server resizes."""
    resized = picture.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(resized, dtype=np.uint8)


def squares(source: PictureSource, view: int, side: int, batch_size: int) -> Iterator[PixelArray]:
    """Yield the pictures of one view in order, read by all cores.

    Args:
        source: the pictures.
        view: which view, below `source.views`.
        side: of the squares, in pixels.
        batch_size: pictures at once.

    Yields:
        (batch_size, side, side, 3) RGB pixels; the last may be fewer.
    """
    with ThreadPoolExecutor(usable_cores()) as threads:

        def read(start: int) -> list[Future[PixelArray]]:
            stop = min(start + batch_size, len(source))
            return [
                threads.submit(lambda at: to_square(source.picture(at, view), side), index)
                for index in range(start, stop)
            ]

        coming = read(0)
        for start in range(batch_size, len(source) + batch_size, batch_size):
            # The next ones are read while somebody computes with these.
            pixels, coming = coming, read(start)
            yield np.stack([picture.result() for picture in pixels])
