"""Bounds on the work that a picture file may cause: small files can cost minutes and gigabytes.

Width times height bounds the cost of most files. It does not bound the cost of a JPEG, each of
whose scans passes over all pixels; of a TIFF, whose tiles may be larger than the picture; of a
run-length encoded BMP, which Pillow unpacks in Python; and of any file of very many small pieces,
each of which Pillow reads in Python. Ordinary files stay far within the bounds, except run-length
encoded BMPs larger than a screen. Needs Pillow.
"""

import re
import struct
from io import BytesIO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from tihua._picture.errors import PictureError, PictureTooLargeError

MAX_SIDE_PX = 65_535
"""Maximum width and height: the limit of JPEG, and 2 MB for Pillow's table of bicubic weights.

The table takes 32 bytes per pixel of side: a PNG of 50 000 000 × 1 would need 1.6 GB.
"""

MAX_PIECES = 200_000
"""Maximum reads of a file, and values of a TIFF tag: half a second. A PNG takes three reads per
chunk; one of 32 MiB, as libpng writes it, has 4 096 chunks."""

MAX_SCANNED_PIXELS = 1_000_000_000
"""Maximum scans of a JPEG times its pixels: a second. Ordinary files have 1 scan or some 10; with
50 million pixels 20 are allowed."""

MIN_SCANS, MAX_SCANS = 12, 1_000
"""Scans that any JPEG may have, because progressive ones have 10; the maximum of a small one."""

MAX_RLE_PIXELS = 8_400_000
"""Maximum width times height of a run-length encoded BMP, that of a screen of 3840 × 2160: rows
that end at once take a second under the GIL."""

MAX_RLE_READS = 2_000_000
"""Maximum reads of a BMP, two per run or row and three per literal or jump: a second."""

MAX_TILED_SHARE = 2
"""The tiles of a TIFF may have this many times the maximum pixels: they extend past two edges."""

_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
"""The start of a segment of a JPEG, which also ends a scan (ITU-T T.81, table B.1)."""

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9

_RUN_LENGTH_ENCODED = {BmpImageFile.COMPRESSIONS["RLE8"], BmpImageFile.COMPRESSIONS["RLE4"]}

_BYTES, _ASCII, _UNDEFINED = 1, 2, 7
"""Types of TIFF values that Pillow keeps as bytes; others it unpacks into Python numbers."""

_IMAGE_WIDTH, _IMAGE_LENGTH, _TILE_WIDTH, _TILE_LENGTH = 256, 257, 322, 323


class _CountedReads(BytesIO):
    def __init__(self, content: bytes, max_pieces: int) -> None:
        super().__init__(content)
        self._max_pieces = self._pieces_left = max_pieces

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises:
            PictureError: there were too many reads.
        """
        self._pieces_left -= 1
        if self._pieces_left < 0:
            raise _too_costly(
                f"the picture is in more than {self._max_pieces} pieces, such as chunks, markers or"
                f" runs, for its {len(self.getvalue())} bytes",
                max_pieces=self._max_pieces,
            )
        return BytesIO.read(self, size)


def readable(content: bytes) -> BytesIO:
    """Return a picture file to read from, with at most `MAX_PIECES` reads.

    For a BMP the limit is `MAX_RLE_READS`.
    """
    max_pieces = MAX_RLE_READS if content.startswith(b"BM") else MAX_PIECES
    # Fewer bytes can't have more pieces, and counting would cost a small picture a tenth of its
    # time.
    is_safe = len(content) <= max_pieces
    return BytesIO(content) if is_safe else _CountedReads(content, max_pieces)


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise `PictureTooLargeError` for a picture of too many pixels or too long a side."""
    metadata = {"width_px": width, "height_px": height, "max_pixels": max_pixels}
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"the picture is {width}×{height} = {width * height} pixels;"
            f" the limit is {max_pixels}: scale it down",
            reason="TOO_MANY_PIXELS",
            metadata=metadata,
        )
    if max(width, height) > MAX_SIDE_PX:
        raise PictureTooLargeError(
            f"the picture is {width}×{height} pixels;"
            f" the limit for a side is {MAX_SIDE_PX}: scale or crop it",
            reason="TOO_MANY_PIXELS",
            metadata=metadata,
        )


def check_tags(content: bytes) -> None:
    """Raise `PictureError` for a TIFF with a tag of too many values, before Pillow opens it."""
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None:
        return
    # A BigTIFF, whose third byte is 43, has longer numbers.
    start, long, short, entry = (
        (8, "Q", "Q", "HHQ8x") if content[2] == 43 else (4, "L", "H", "HHL4x")
    )
    try:
        (offset,) = struct.unpack_from(order + long, content, start)
        (count,) = struct.unpack_from(order + short, content, offset)
        offset += struct.calcsize(order + short)
        for number in range(min(count, MAX_PIECES)):
            place = offset + number * struct.calcsize(order + entry)
            tag, kind, values = struct.unpack_from(order + entry, content, place)
            if values > MAX_PIECES and kind not in {_BYTES, _ASCII, _UNDEFINED}:
                raise _too_costly(
                    f"tag {tag} of the TIFF has {values} values; the limit is {MAX_PIECES}",
                    values=values,
                    max_pieces=MAX_PIECES,
                )
    except (struct.error, IndexError, OverflowError):
        return  # cut short, which Pillow will find


def check_work(image: Image.Image, content: bytes, max_pixels: int) -> None:
    """Raise `PictureError` for an opened picture that costs far more than its pixels."""
    pixels = image.width * image.height
    match image:
        case BmpImageFile():
            is_rle = image.info.get("compression") in _RUN_LENGTH_ENCODED
            if is_rle and pixels > MAX_RLE_PIXELS:
                raise _too_costly(
                    f"the run-length encoded BMP is {image.width}×{image.height} = {pixels} pixels;"
                    f" the limit is {MAX_RLE_PIXELS}",
                    pixels=pixels,
                    max_pixels=MAX_RLE_PIXELS,
                )
        case JpegImageFile():
            max_scans = min(MAX_SCANS, max(MIN_SCANS, MAX_SCANNED_PIXELS // pixels))
            if scan_count(image, content, max_scans + 1) > max_scans:
                raise _too_costly(
                    f"the JPEG has more than {max_scans} scans, the limit for its {pixels} pixels",
                    pixels=pixels,
                    max_scans=max_scans,
                )
        case TiffImageFile():
            tiled = stored_pixels(image)
            if tiled > MAX_TILED_SHARE * max_pixels:
                raise _too_costly(
                    f"the TIFF of {image.width}×{image.height} pixels has tiles of {tiled} in all;"
                    f" the limit is {MAX_TILED_SHARE * max_pixels}",
                    pixels=tiled,
                    max_pixels=MAX_TILED_SHARE * max_pixels,
                )


def stored_pixels(image: TiffImageFile) -> int:
    """Return how many pixels a TIFF has, including the parts of its tiles outside the picture.

    Raises:
        ValueError: the sides are not numbers.
    """
    sides = [image.tag_v2.get(tag) for tag in (_IMAGE_WIDTH, _IMAGE_LENGTH)]
    tiles = [image.tag_v2.get(tag) for tag in (_TILE_WIDTH, _TILE_LENGTH)]
    if tiles == [None, None]:
        return image.width * image.height
    pixels = 1
    for side, tile in zip(sides, tiles, strict=True):
        if not isinstance(side, int) or not isinstance(tile, int) or tile < 1:
            raise ValueError(f"a tile of {tile!r}")
        pixels *= -(-side // tile) * tile
    return pixels


def scan_count(image: JpegImageFile, content: bytes, enough: int) -> int:
    """Return how many scans a JPEG has, counting no further than `enough`.

    In a file that is not progressive, a scan of all components is the only one that is decoded.
    For other files all of the content is searched: 0.4 ms per megabyte.
    """
    scans = position = 0
    for _ in range(MAX_PIECES):
        marker = _MARKER.search(content, position)
        if marker is None or content[marker.end() - 1] == _END_OF_IMAGE:
            return scans
        position = marker.end()
        if content[position - 1] == _START_OF_SCAN:
            scans += 1
            is_only = content[position + 2] >= image.layers and "progressive" not in image.info
            if is_only or scans == enough:
                return scans
        if scans or position > 2:  # the first marker, start of image, has no length
            position += int.from_bytes(content[position : position + 2], "big")
    return enough


def _too_costly(problem: str, **metadata: int) -> PictureError:
    return PictureError(
        f"{problem}: save it as PNG or baseline JPEG",
        reason="IMAGE_TOO_COSTLY",
        metadata=metadata,
    )
