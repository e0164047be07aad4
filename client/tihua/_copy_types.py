"""What a copy tells its caller on the way and at the end."""

from dataclasses import dataclass

from tihua._server_types import Collection
from tihua._types import ItemError

__all__ = ["CopyProgress", "CopySummary"]


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """How far a copy is. The counts are of the call, from its beginning.

    Attributes:
        total: items of the collection when the call began.
        kept: items whose copy is as new already.
        written: items copied.
        failed: items that the other server refused, for its bounds are others.
        errors: the refusals that were not told before.
    """

    total: int
    kept: int
    written: int
    failed: int
    errors: tuple[ItemError, ...]


@dataclass(frozen=True, slots=True)
class CopySummary:
    """What became of a copy. Called again, it goes on with what is missing.

    Attributes:
        collection: the copy, on the other server.
        items: how many items it has.
        kept: items whose copy was as new already.
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
