"""What a reindex tells its caller on the way and at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tihua._types import ImageLike, Item, ItemError

__all__ = ["Content", "ReindexProgress", "ReindexStage", "ReindexSummary"]

Content: TypeAlias = Callable[[Item], ImageLike | str]
"""Returns what an item was made of: its picture, or its text.

It is given the item with uri and metadata, on any of several threads at once. An item whose content
can't be had is a LookupError, OSError or InvalidRequestError, which says why.
"""

ReindexStage: TypeAlias = Literal["copy", "catch-up", "settle"]
"""The first pass, those over what changed meanwhile, and those after the alias was moved."""


@dataclass(frozen=True, slots=True)
class ReindexProgress:
    """How far one pass over the items is. The counts are of the pass, from its beginning.

    Attributes:
        source: the old collection.
        target: the new one.
        stage: which pass it is.
        total: items of the old collection when the pass began.
        kept: items that are in the new collection as they are in the old one.
        written: items embedded and written.
        deleted: items removed from the new collection, because they are not in the old one.
        failed: items of which the content can't be had or embedded.
        errors: the failures that were not told before.
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
    """What became of a reindex. Run again, it goes on with what is missing.

    Attributes:
        alias: the name that was to be led to the new collection.
        source: the old collection; empty if the alias led to one of the model from the beginning.
        target: the new collection.
        items: how many the new collection has.
        written: items embedded and written by this call.
        deleted: items removed from the new collection by this call.
        failed: items that are not in the new collection, because their content can't be had or
            embedded.
        is_swapped: whether the alias leads to the new collection.
        is_complete: whether all is done.
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
