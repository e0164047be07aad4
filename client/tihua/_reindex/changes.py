"""Compares an old collection with its copy; without I/O.

An item and its copy have the same state if their update times are equal, because a copy keeps the
time of its original. So until the alias is moved, nothing is kept from one pass to the next, and no
clocks are compared. From then on others write to the copy as well: the newer item is right, and an
item that was copied and is missing there has been deleted. Update times do not say when an item was
written, because writers may choose them; so the last pass before the move records what it saw, and
the later passes record what was not copied before. A call that starts after the move has no such
record: it takes old items for copied, and deletes only what it has copied itself.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from tihua._types import UNKNOWN_TIME, Item

ChangeKind: TypeAlias = Literal["keep", "copy", "replace", "delete"]

MARGIN = timedelta(seconds=60)
"""Maximum clock skew of two servers and duration of a write, together."""


@dataclass(frozen=True, slots=True)
class Change:
    """The action for one id in the new collection."""

    id: str
    kind: ChangeKind


@dataclass(frozen=True, slots=True)
class Copied:
    """The items of the old collection that have been copied to the new one.

    Attributes:
        until: items whose update time is more than `MARGIN` before this are in `older`.
        times: update times, by id, of younger items, and of all items copied since.
        older: marks of all other items, sorted; None if it was not this call that copied them.
        missed: ids of items that were not copied though `older` has their mark.
    """

    until: datetime
    times: Mapping[str, datetime] = field(default_factory=dict)
    older: Sequence[int] | None = None
    missed: Container[str] = ()

    def has(self, item: Item) -> bool:
        """Return whether an item of the old collection has been in the new one.

        If it was not this call that copied the collection, every old item is taken for copied.
        """
        if self.older is None and time_of(item) < self.until - MARGIN:
            return True
        return self.knows(item)

    def knows(self, item: Item) -> bool:
        """Return whether an item is known to have been copied from the old collection."""
        time = time_of(item)
        if self.times.get(item.id) == time:
            return True
        if self.older is None or time >= self.until - MARGIN or item.id in self.missed:
            return False
        mark = _mark(item)
        place = bisect_left(self.older, mark)
        return place < len(self.older) and self.older[place] == mark

    def and_of(self, done: "Seen", undone: Container[str]) -> "Copied":
        """Return the union with the items of a pass, except those that it could not copy."""
        times = {key: time for key, time in done.times.items() if key not in undone}
        return replace(self, times={**self.times, **times})


class Seen:
    """Records what a pass sees of the old collection.

    Before the alias is moved that is 8 bytes per item, and more for young ones; afterwards, only
    the items that had not been copied before.

    Attributes:
        latest: update time of the youngest item of the old collection.
        times: update times, by id, of the items not older than `MARGIN` before `since`; or, after
            the alias was moved, of all recorded items.
        missed: ids of the items that could not be fetched.
    """

    def __init__(self, since: datetime | None = None, *, copied: Copied | None = None) -> None:
        """Start empty; without either argument only `latest` and `missed` are recorded.

        Args:
            since: items written from then on are young.
            copied: the items copied before, once the alias has been moved.
        """
        self.latest = UNKNOWN_TIME
        self.times: dict[str, datetime] = {}
        self.missed: set[str] = set()
        self._older = array("q")
        self._since = None if since is None else since - MARGIN
        self._copied = copied

    def note(self, item: Item) -> Item:
        """Record an item of the old collection, and return it."""
        time = time_of(item)
        self.latest = max(self.latest, time)
        self.missed.discard(item.id)
        if self._copied is not None:
            if not self._copied.has(item):
                self.times[item.id] = time
        elif self._since is not None:
            if time >= self._since:
                self.times[item.id] = time
            else:
                self._older.append(_mark(item))
        return item

    def forget(self, ids: Collection[str]) -> None:
        """Remove items from the record that are in the list but could not be fetched."""
        self.missed.update(ids)
        for each in ids:
            self.times.pop(each, None)

    def older(self) -> Sequence[int]:
        """Return the marks of the older items, sorted; sorting takes 40 more bytes for each."""
        return array("q", sorted(self._older))


def changes(
    source: Iterable[Item], target: Iterable[Item], copied: Copied | None = None
) -> Iterator[Change]:
    """Yield the action for each id of two collections, in the order of the ids.

    Args:
        source: the items of the old collection, with their update times, sorted by id.
        target: the items of the new one, with their update times, sorted by id.
        copied: None as long as only the reindex writes to the new collection.
    """
    for old, new in paired(source, target):
        known = old or new
        assert known is not None, "a pair has an item"
        yield Change(known.id, _before(old, new) if copied is None else _after(old, new, copied))


def _before(old: Item | None, new: Item | None) -> ChangeKind:
    if old is None:
        return "delete"
    if new is None:
        return "copy"
    return "keep" if old.update_time == new.update_time else "replace"


def _after(old: Item | None, new: Item | None, copied: Copied) -> ChangeKind:
    if old is None:
        # An item that was not copied was written by others.
        return "delete" if new is not None and copied.knows(new) else "keep"
    if new is None:
        return "keep" if copied.has(old) else "copy"
    return "replace" if time_of(old) > time_of(new) else "keep"


def time_of(item: Item) -> datetime:
    """Return the update time of an item; `UNKNOWN_TIME`, the earliest, if it has none."""
    return item.update_time or UNKNOWN_TIME


def _mark(item: Item) -> int:
    """Return a 64-bit hash of an item's id and update time, valid in this process."""
    return hash((item.id, time_of(item)))


def paired(
    source: Iterable[Item], target: Iterable[Item]
) -> Iterator[tuple[Item | None, Item | None]]:
    """Merge two lists sorted by id: yield items with equal ids together, all others alone."""
    olds, news = iter(source), iter(target)
    old, new = next(olds, None), next(news, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old.id < new.id):
            yield old, None
            old = next(olds, None)
        elif old is None or new.id < old.id:
            yield None, new
            new = next(news, None)
        else:
            yield old, new
            old, new = next(olds, None), next(news, None)
