"""The server's preprocessing of pictures, done by the client."""

import os

from tihua._extras import SHEET
from tihua._types import RgbImage
from tihua.errors import InvalidRequestError

__all__ = ["preprocess"]


def preprocess(
    image: bytes | os.PathLike[str], size: int, *, max_pixels: int = 50_000_000
) -> RgbImage:
    """Decode a picture, turn it upright and resize it, as the server would.

        size = client.server_info().models[0].image_size_px
        client.embed_image(tihua.preprocess(Path("photograph.jpg"), size))

    The embedding equals that of the file except for rounding, because the server resizes with torch
    (cosine 0.9999 for tihua-tiny). Instead of the file only size * size * 3 bytes are sent: 150 528
    for a model of 224 pixels. Needs Pillow; may run in several threads at once.

    A model of another size would resize the square again, which makes its embedding worse. To
    prevent that, name the model that the squares were made for: `Client.ingest(model=…)`.

    Args:
        image: the bytes of a picture file, or a path to one.
        size: side of the model's square input, in pixels: `ModelInfo.image_size_px`.
        max_pixels: a picture with more pixels (width times height) is refused before it is decoded;
            see `Limits.max_image_pixels`.

    Raises:
        InvalidRequestError: the file can't be read, is not a picture, is damaged or too large; its
            `reason` is the one that the server would give.
        ModuleNotFoundError: Pillow is not installed.
    """
    require_pillow()
    # Not at the top: they import Pillow and protobuf, and `import tihua` must stay quick.
    from tihua import _convert
    from tihua._picture import decoding, errors

    content = _convert.image_bytes(image, "image")
    try:
        square = decoding.square_from_file(content, size, max_pixels=max_pixels)
    except errors.PictureError as error:
        raise InvalidRequestError(
            error.message, reason=error.reason, metadata=error.metadata, field="image"
        ) from error
    return RgbImage(square.tobytes(), size, size)


def require_pillow() -> None:
    """Check that `preprocess` can work.

    Raises:
        ModuleNotFoundError: Pillow is not installed; the message says what to install.
    """
    try:
        import PIL  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"preprocessing needs Pillow; install it with: {SHEET}", name="PIL"
        ) from error
