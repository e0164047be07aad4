"""Pictures in any form → pixels, within the bounds on bytes and pixels.

There is no queue here: `preprocessor.py` decides the order, and calls the decoder in threads.
"""

import os

from tihua_server.config import Limits
from tihua_server.errors import InvalidInput, NotFound, TooLarge
from tihua_server.image_root import ImageRoot
from tihua_server.images import decode_image, decoding_pixels, pixels_from_rgb
from tihua_server.types import EncodedImage, Encoder, ImagePath, Picture, PixelArray, RgbImage


class PictureDecoder:
    """Turns files, paths of files, and pixels into the model's input."""

    def __init__(self, encoder: Encoder, limits: Limits, root: ImageRoot | None) -> None:
        """Resize as `encoder` does, within `limits`; open files below `root` only, if any."""
        self._encoder = encoder
        self._limits = limits
        self._root = root

    def check(self, image: Picture) -> None:
        """Check that a picture is not too large, as far as possible without reading it.

        Raises:
            TooLarge: it has too many bytes or pixels.
        """
        match image:
            case EncodedImage(content):
                self._check_bytes(len(content))
            case RgbImage():
                self._check_pixels(image)

    def content(self, image: Picture) -> bytes:
        """Return a picture's file or pixels; a file that is named by its path is read now.

        Raises:
            InvalidInput: it is named by its path, and no folder is allowed.
            NotFound: there is no such file below the folder that is allowed, or its disk fails.
            TooLarge: the file has too many bytes.
        """
        match image:
            case RgbImage(data):
                return data
            case EncodedImage(content):
                return content
            case ImagePath(path):
                return self._read(path)

    def decoding_pixels(self, image: Picture, content: bytes) -> int:
        """Return the memory that decoding a picture takes, in RGB pixels of 4 bytes each.

        Args:
            image: the picture.
            content: what `content` returned for it.

        Raises:
            InvalidInput: it can't be read.
            TooLarge: it has too many pixels.
        """
        if isinstance(image, RgbImage):
            return image.width_px * image.height_px
        return decoding_pixels(content, max_pixels=self._limits.max_image_pixels)

    def decode(self, image: Picture, content: bytes) -> PixelArray:
        """Return (image_size, image_size, 3) uint8, RGB; see `decoding_pixels` for the rest."""
        size, resize = self._encoder.info.image_size, self._encoder.resize
        if isinstance(image, RgbImage):
            return pixels_from_rgb(content, image.width_px, image.height_px, size, resize=resize)
        max_pixels = self._limits.max_image_pixels
        return decode_image(content, size, max_pixels=max_pixels, resize=resize)

    def _read(self, path: str) -> bytes:
        if self._root is None:
            raise InvalidInput(
                "this server does not open files named by clients; send the picture itself, or ask "
                "the operator to set --image-root",
                reason="PATHS_NOT_ALLOWED",
            )
        try:
            with self._root.open(path) as file:
                self._check_bytes(os.fstat(file.fileno()).st_size)
                content = file.read(self._limits.max_image_bytes + 1)
        except OSError as error:
            raise NotFound(
                f"the file {path[:200]!r} below the server's --image-root can't be read:"
                f" {error.strerror}; send the picture itself, or ask the operator to fix it",
                reason="FILE_UNREADABLE",
            ) from error
        self._check_bytes(len(content))
        return content

    def _check_bytes(self, size_bytes: int) -> None:
        if size_bytes > self._limits.max_image_bytes:
            raise TooLarge(
                f"picture is {size_bytes} bytes; the limit is "
                f"{self._limits.max_image_bytes}; send a smaller copy, the model sees "
                f"{self._encoder.info.image_size} x {self._encoder.info.image_size} pixels of it",
                reason="IMAGE_TOO_LARGE",
                metadata={"bytes": size_bytes, "max_image_bytes": self._limits.max_image_bytes},
            )

    def _check_pixels(self, image: RgbImage) -> None:
        if image.width_px * image.height_px > self._limits.max_image_pixels:
            raise TooLarge(
                f"picture is {image.width_px} x {image.height_px} pixels; "
                f"the limit is {self._limits.max_image_pixels} in all",
                reason="TOO_MANY_PIXELS",
            )
