"""The fault of a picture, as a sentence for people and a word for programs."""

from collections.abc import Mapping


class PictureError(Exception):
    """A picture can't be used.

    Attributes:
        message: one sentence for people: the value, the bound, the remedy.
        reason: stable and machine-readable, UPPER_SNAKE_CASE.
        metadata: the numbers of the message.
    """

    def __init__(
        self, message: str, *, reason: str, metadata: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata = {key: str(value) for key, value in (metadata or {}).items()}


class PictureTooLargeError(PictureError):
    """A picture has too many pixels, or too long a side."""
