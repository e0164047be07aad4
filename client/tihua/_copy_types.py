"""The progress and the result of a copy."""

from dataclasses import dataclass

from tihua._server_types import Collection
from tihua._types import ItemError

__all__ = ["CopyProgress", "CopySummary"]


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """How far a copy has got. The counts cover the whole call.

    Attributes:
        total: items of the collection when the call began.
        kept: items whose copy is already up to date.
        written: items copied.
        failed: items that the other server refused, because its limits are lower.
        errors: the refusals since the previous progress.
    """

    total: int
    kept: int
    written: int
    failed: int
    errors: tuple[ItemError, ...]


@dataclass(frozen=True, slots=True)
class CopySummary:
    """The result of `copy_collection`; another call copies what is still missing.

    Attributes:
        collection: the copy, on the other server.
        items: how many items it has.
        kept: items whose copy was already up to date.
        written: items copied by this call.
        failed: items that the other server refused.
        seconds: from the call of `copy_collection` to its return.
    """

    collection: Collection
    items: int
    kept: int
    written: int
    failed: int
    seconds: float
