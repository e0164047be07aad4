"""The progress and the result of a reindex."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tihua._types import ImageLike, Item, ItemError

__all__ = ["Content", "ReindexProgress", "ReindexStage", "ReindexSummary"]

Content: TypeAlias = Callable[[Item], ImageLike | str]
"""Returns what an item was made of: its picture, or its text.

It is called with the item, with uri and metadata, on several threads at once. If the content of an
item can't be found, it raises a LookupError, OSError or InvalidRequestError that says why.
"""

ReindexStage: TypeAlias = Literal["copy", "catch-up", "settle"]
"""The first pass, the passes over what changed meanwhile, and those after the alias was moved."""


@dataclass(frozen=True, slots=True)
class ReindexProgress:
    """How far one pass over the items has got. The counts cover the whole pass.

    Attributes:
        source: the old collection.
        target: the new one.
        stage: which pass it is.
        total: items of the old collection when the pass began.
        kept: items that are the same in the new collection as in the old one.
        written: items embedded and written.
        deleted: items removed from the new collection, because they are not in the old one.
        failed: items whose content can't be found or embedded.
        errors: the failures since the previous progress.
    """

    source: str
    target: str
    stage: ReindexStage
    total: int
    kept: int
    written: int
    deleted: int
    failed: int
    errors: tuple[ItemError, ...]


@dataclass(frozen=True, slots=True)
class ReindexSummary:
    """The result of `reindex`; another call continues with what is still missing.

    Attributes:
        alias: the name to be pointed to the new collection.
        source: the old collection; empty if the alias already pointed to one of this model.
        target: the new collection.
        items: number of items in the new collection.
        written: items embedded and written by this call.
        deleted: items removed from the new collection by this call.
        failed: items that are not in the new collection, because their content can't be found or
            embedded.
        is_swapped: whether the alias points to the new collection.
        is_complete: whether everything is done.
        seconds: from the call of `reindex` to its return.
    """

    alias: str
    source: str
    target: str
    items: int
    written: int
    deleted: int
    failed: int
    is_swapped: bool
    is_complete: bool
    seconds: float
