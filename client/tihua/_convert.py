"""Conversions that all messages share: texts, numbers, pictures, errors.

Pure functions, used by both clients. A value that can't be sent raises an InvalidRequestError that
names the argument. Rules of the contract that only the server can judge are left to it.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from tihua import _types
from tihua.errors import STATUS_ERRORS, InvalidRequestError
from tihua.v1 import types_pb2

_STATUS_NAMES = ("OK", *STATUS_ERRORS)
_MAX_UINT32 = 2**32 - 1

_Choice = TypeVar("_Choice")


def invalid(message: str, field: str) -> InvalidRequestError:
    """Return the error of an argument that can't be sent, or that the server would refuse."""
    return InvalidRequestError(message, reason="INVALID_INPUT", field=field)


def checked_text(text: str, name: str) -> str:
    """Return the text if it can be encoded as UTF-8.

    Raises:
        InvalidRequestError: it has a lone surrogate, like a file name that is not UTF-8
            (`os.fsdecode`).
        TypeError: it is not a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"{name} is {type(text).__name__}; it must be str")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise invalid(
            f"{name} has a lone surrogate (U+{ord(text[error.start]):04X}) at character "
            f"{error.start}, which is not valid text; replace or remove it",
            name,
        ) from error
    return text


def checked_texts(texts: Iterable[str], name: str) -> list[str]:
    """Return a list of texts; a single str is refused rather than split into characters."""
    if isinstance(texts, str):
        raise TypeError(f"{name} is one str; give a list of them")
    return [checked_text(text, f"{name}[{index}]") for index, text in enumerate(texts)]


def uint32(value: int, name: str) -> int:
    """Return the number if it fits into the field; the server checks whether it makes sense."""
    if not 0 <= value <= _MAX_UINT32:
        raise invalid(f"{name} is {value}; it must be from 0 to {_MAX_UINT32}", name)
    return value


def choice(value: str, name: str, choices: dict[str, _Choice]) -> _Choice:
    """Return what `choices` has for a word."""
    if value not in choices:
        raise invalid(f"{name} is {value!r}; it must be one of {', '.join(sorted(choices))}", name)
    return choices[value]


def image_source(
    image: _types.ImageLike, name: str, *, max_bytes: int | None = None
) -> types_pb2.ImageSource:
    """Return a picture as a message; a path is read.

    Args:
        image: the picture.
        name: the caller's name for it, for messages.
        max_bytes: a larger picture file is refused, and not read; None means that there is no
            limit.

    Raises:
        InvalidRequestError: the file can't be read or is too large, or a side has more pixels than
            the field holds.
        TypeError: it is neither bytes nor a path nor pixels.
    """
    if isinstance(image, _types.RgbImage):
        rgb = types_pb2.RgbImage(
            data=image.data,
            width_px=uint32(image.width_px, f"{name}.width_px"),
            height_px=uint32(image.height_px, f"{name}.height_px"),
        )
        return types_pb2.ImageSource(rgb=rgb)
    if isinstance(image, _types.ServerPath):
        return types_pb2.ImageSource(path=checked_text(image.path, f"{name}.path"))
    return types_pb2.ImageSource(content=image_bytes(image, name, max_bytes=max_bytes))


def image_bytes(
    image: bytes | os.PathLike[str], name: str, *, max_bytes: int | None = None
) -> bytes:
    """Return the bytes of a picture file; a path is read. Arguments are as in `image_source`.

    Raises:
        InvalidRequestError: the file can't be read or is too large.
        TypeError: it is neither bytes nor a path.
    """
    if isinstance(image, bytes | bytearray | memoryview):
        if max_bytes is not None:
            check_image_bytes(memoryview(image).nbytes, max_bytes, name)
        return bytes(image)
    if not isinstance(image, os.PathLike):
        raise TypeError(
            f"{name} is {type(image).__name__}; it must be the bytes of a picture file, or a "
            "pathlib.Path to one"
        )
    try:
        if max_bytes is not None:
            check_image_bytes(Path(image).stat().st_size, max_bytes, name)
        return Path(image).read_bytes()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else None
        raise InvalidRequestError(
            f"cannot read the picture {os.fspath(image)!r}: {cause or error}",
            reason="UNREADABLE_FILE",
            field=name,
        ) from error


def check_image_bytes(size: int, limit: int, name: str) -> None:
    """Check the size of a picture file before it is read or copied, in bytes.

    Raises:
        InvalidRequestError: it is larger; code, reason and metadata are those of the server.
    """
    if size > limit:
        raise InvalidRequestError(
            f"picture is {size} bytes; the limit is {limit}; send a smaller copy",
            code="RESOURCE_EXHAUSTED",
            reason="IMAGE_TOO_LARGE",
            metadata={"bytes": str(size), "max_image_bytes": str(limit)},
            field=name,
        )


def item_error(message: types_pb2.ItemError) -> _types.ItemError:
    """Return the error of one input."""
    known = 0 <= message.code < len(_STATUS_NAMES)
    return _types.ItemError(
        index=message.index,
        id=message.id,
        code=_STATUS_NAMES[message.code] if known else "UNKNOWN",
        reason=message.reason,
        message=message.message,
        metadata=dict(message.metadata),
        retryable=message.retryable,
    )


def model_ref(message: types_pb2.ModelRef) -> _types.ModelRef:
    """Return the reference to a model."""
    return _types.ModelRef(message.id, message.fingerprint)


def timing(message: types_pb2.Timing) -> _types.Timing:
    """Return the timing of a call."""
    return _types.Timing(
        queue_us=message.queue_us,
        preprocess_us=message.preprocess_us,
        inference_us=message.inference_us,
        store_us=message.store_us,
        total_us=message.total_us,
        batch_size=message.batch_size,
    )
