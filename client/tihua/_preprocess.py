"""What the server does to a picture before the model sees it, done by the client."""

import os

from tihua._extras import SHEET
from tihua._types import RgbImage
from tihua.errors import InvalidRequestError

__all__ = ["preprocess"]


def preprocess(
    image: bytes | os.PathLike[str], size: int, *, max_pixels: int = 50_000_000
) -> RgbImage:
    """Return a picture decoded, turned upright and resized, as the server does it.

        size = client.server_info().models[0].image_size_px
        client.embed_image(tihua.preprocess(Path("photograph.jpg"), size))

    The embedding is the file's except for rounding, because the server resizes with torch (cosine
    0.9999 for tihua-tiny). Only size * size * 3 bytes are sent instead of the file: 150 528 for a
    model of 224 pixels. Needs Pillow; may run in several threads at once.

    A square of one model is enlarged or reduced for another, and its embedding is worse for it:
    `Client.ingest(model=…)` holds it to the one that it was made for.

    Args:
        image: the bytes of a picture file, or a path to one.
        size: side of the model's square input, in pixels: `ModelInfo.image_size_px`.
        max_pixels: a picture with more pixels (width times height) is refused before it is decoded;
            see `Limits.max_image_pixels`.

    Raises:
        InvalidRequestError: the file can't be read, is not a picture, is damaged or too large; with
            the reason that the server would have given.
        ModuleNotFoundError: Pillow is not installed.
    """
    require_pillow()
    # Pillow and protobuf: `import tihua` does not wait for them.
    from tihua import _convert, _picture, _picture_error

    content = _convert.image_bytes(image, "image")
    try:
        square = _picture.square_from_file(content, size, max_pixels=max_pixels)
    except _picture_error.PictureError as error:
        raise InvalidRequestError(
            error.message, reason=error.reason, metadata=error.metadata, field="image"
        ) from error
    return RgbImage(square.tobytes(), size, size)


def require_pillow() -> None:
    """Return if `preprocess` can work.

    Raises:
        ModuleNotFoundError: Pillow is not installed; the message says what to install.
    """
    try:
        import PIL  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"preprocessing needs Pillow; install it with: {SHEET}", name="PIL"
        ) from error
