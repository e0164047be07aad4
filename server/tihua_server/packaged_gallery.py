"""The pictures that come with the server: for the demo, and to check an engine with."""

from pathlib import Path

from tihua_server.images import decode_image
from tihua_server.types import PixelArray

GALLERY = Path(__file__).parent / "gallery"
"""The folder; NOTICE.md in it names the pictures' authors and licences."""

QUERY_PICTURE = Path(__file__).parent / "gallery_query" / "photo_ginger_kitten.jpg"
"""A picture to search the gallery with; it is not part of it."""


def gallery_pixels(count: int, size: int) -> list[PixelArray]:
    """Return photographs and drawings, spread evenly over the gallery: (size, size, 3) uint8 each.

    Args:
        count: number of pictures, at most as many as there are.
        size: side of the squares, in pixels.
    """
    names = sorted(path.name for path in GALLERY.glob("*.jpg"))
    return [picture_pixels(names[index * len(names) // count], size) for index in range(count)]


def picture_pixels(name: str, size: int) -> PixelArray:
    """Return one picture of the gallery: (size, size, 3) uint8."""
    return decode_image((GALLERY / name).read_bytes(), size, max_pixels=10**7)
