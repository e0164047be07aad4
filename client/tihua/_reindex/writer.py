"""How a pass of a reindex writes to the new collection.

Before the swap only the reindex writes there, so items are ingested (`_reindex/early.py`). After it
others write as well, so items are embedded, compared again and written (`_reindex/late.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias

from tihua._reindex.changes import Change, Copied
from tihua._types import Item, ItemError

Note: TypeAlias = Callable[[int, Iterable[ItemError]], None]
"""Called with the number of items that a call of `write` has written, and their new failures."""


class Writer(Protocol):
    """Makes changes to the new collection; safe to use from several threads."""

    @property
    def copied(self) -> Copied | None:
        """The items of the old collection that have been in the new one; None before the swap."""

    def delete(self, page: Sequence[Change]) -> int:
        """Delete what has to go for these changes; return how many items the old one lost."""

    def miss(self, ids: set[str]) -> None:
        """Take note of ids that the store lists but can't fetch."""

    def prepared(self, item: Item) -> Item | ItemError:
        """Return an item with its content as it will be written, or its error."""

    def write(self, items: Iterator[Item], note: Note) -> None:
        """Write items that were prepared.

        Raises:
            TihuaError: the server refuses, or did not come back.
        """
