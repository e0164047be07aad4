"""Sources of pictures with Chinese texts that describe them, for training.

A source is an ordered set of pictures, each with one or more views. The same source, view and index
always give the same pixels, so that features can be cached and a run can be repeated.
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
        name: for file names, such as `photographs-train`.
    """

    name: str

    @property
    def digest(self) -> str:
        """Identifies these things, their texts and their views."""

    def __len__(self) -> int:
        """Return the number of things."""

    def texts(self, index: int) -> tuple[str, ...]:
        """Return the texts of a thing, the most fitting first; at least one."""

    def group(self, index: int) -> str:
        """Return what the thing is; things of one group are never negatives of each other."""


class PictureSource(TextSource, Protocol):
    """Pictures with texts.

    Attributes:
        views: number of views of each picture; view 0 is the picture as the server sees it.
    """

    views: int

    def picture(self, index: int, view: int) -> Image.Image:
        """Return a picture in RGB, of any size."""


def to_square(picture: Image.Image, side: int) -> PixelArray:
    """Return (side, side, 3) RGB pixels; bicubic, aspect ratio not kept, as the server resizes."""
    resized = picture.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(resized, dtype=np.uint8)


def squares(source: PictureSource, view: int, side: int, batch_size: int) -> Iterator[PixelArray]:
    """Yield the pictures of one view in order, in batches that all cores read.

    Args:
        source: the pictures.
        view: index of the view, below `source.views`.
        side: of the squares, in pixels.
        batch_size: pictures of a batch.

    Yields:
        (batch_size, side, side, 3) RGB pixels; the last batch may be smaller.
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
            # The next batch is read while the caller computes with this one.
            pixels, coming = coming, read(start)
            yield np.stack([picture.result() for picture in pixels])
