"""What an old collection has and its copy has not, and the other way round; knows no network.

An item and its copy have the same state if their update times are equal: a copy keeps the time of
its original. So nothing is remembered between two passes, and no clocks are compared, until the
alias has been moved. From then on others write to the copy as well: the newer item is right, and an
item that was copied and is missing there has been deleted. Since writers may choose an update time,
it does not tell when an item was written; so the last pass before remembers what it saw, and those
after remember what was not copied before. A call that begins after the alias was moved knows
nothing of that: it takes what is old for copied, and deletes only what it has copied itself.
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
"""How far the clocks of two servers may be apart, and a write may take, all together."""


@dataclass(frozen=True, slots=True)
class Change:
    """What to do about one id in the new collection."""

    id: str
    kind: ChangeKind


@dataclass(frozen=True, slots=True)
class Copied:
    """What of the old collection has been in the new one.

    Attributes:
        until: what has an update time of `MARGIN` before this is told by `older`.
        times: update times, by id, of what is younger, and of all that was copied since.
        older: marks of all the rest, sorted; None if it was not this call that copied it.
        missed: ids of what is not there though `older` has its mark.
    """

    until: datetime
    times: Mapping[str, datetime] = field(default_factory=dict)
    older: Sequence[int] | None = None
    missed: Container[str] = ()

    def has(self, item: Item) -> bool:
        """Return whether an item of the old collection has been in the new one.

        If it was not this call that copied it, whatever is old is taken for copied.
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
        """Return this and what a pass was done for, without what it could not do."""
        times = {key: time for key, time in done.times.items() if key not in undone}
        return replace(self, times={**self.times, **times})


class Seen:
    """Remembers what a pass sees of the old collection.

    That is 8 bytes of each item, and more of the young ones, before the alias is moved; from then
    on, what had not been copied before.

    Attributes:
        latest: update time of the youngest item of the old collection.
        times: update times, by id, of those not older than `MARGIN` before `since`; or, after the
            alias was moved, of all that are remembered.
        missed: ids of those that could not be fetched.
    """

    def __init__(self, since: datetime | None = None, *, copied: Copied | None = None) -> None:
        """Begin; without either of the two nothing is remembered but `latest` and `missed`.

        Args:
            since: what is written from then on is young.
            copied: what had been copied before, once the alias has been moved.
        """
        self.latest = UNKNOWN_TIME
        self.times: dict[str, datetime] = {}
        self.missed: set[str] = set()
        self._older = array("q")
        self._since = None if since is None else since - MARGIN
        self._copied = copied

    def note(self, item: Item) -> Item:
        """Take an item of the old collection, and return it."""
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
        """Take back that these are copied: the list has them, but they could not be fetched."""
        self.missed.update(ids)
        for each in ids:
            self.times.pop(each, None)

    def older(self) -> Sequence[int]:
        """Return the marks of what is not young, sorted; 40 bytes more of each while it sorts."""
        return array("q", sorted(self._older))


def changes(
    source: Iterable[Item], target: Iterable[Item], copied: Copied | None = None
) -> Iterator[Change]:
    """Yield what to do about each id of two collections, in the order of the ids.

    Args:
        source: the items of the old one, with their update times, sorted by id.
        target: those of the new one, likewise.
        copied: None as long as nobody but the reindex writes to the new one.
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
        # Others may never have been in the old collection.
        return "delete" if new is not None and copied.knows(new) else "keep"
    if new is None:
        return "keep" if copied.has(old) else "copy"
    return "replace" if time_of(old) > time_of(new) else "keep"


def time_of(item: Item) -> datetime:
    """Return when an item was written; the beginning of all times if nobody knows."""
    return item.update_time or UNKNOWN_TIME


def _mark(item: Item) -> int:
    """Return 64 bits that tell an item with its update time from others, in this process."""
    return hash((item.id, time_of(item)))


def paired(
    source: Iterable[Item], target: Iterable[Item]
) -> Iterator[tuple[Item | None, Item | None]]:
    """Yield the items of equal ids together, and all others alone."""
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
