"""What an old collection has and its copy has not, and the other way round; knows no network.

An item and its copy have the same state if their update times are equal: a copy keeps the time of
its original. So nothing is remembered between two passes, and no clocks are compared, until the
alias has been moved. From then on others write to the copy as well: the newer item is right, and an
item that was copied and is missing there has been deleted.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
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
        until: all that was written to the old one `MARGIN` before this.
        recent: of what was written later: ids and update times.
    """

    until: datetime
    recent: Mapping[str, datetime] = field(default_factory=dict)

    def has(self, item: Item) -> bool:
        """Return whether an item of the old collection has been in the new one."""
        return time_of(item) < self.until - MARGIN or self.recent.get(item.id) == time_of(item)

    def and_of(self, done: "Recent", undone: Container[str]) -> "Copied":
        """Return this and what a pass was done for, without what it could not do."""
        times = {key: time for key, time in done.times.items() if key not in undone}
        return Copied(self.until, {**self.recent, **times})


class Recent:
    """Remembers what is young of all that a pass copies.

    Attributes:
        latest: update time of the youngest item of the old collection.
        times: update times, by id, of those not older than `MARGIN` before `since`.
    """

    def __init__(self, since: datetime | None) -> None:
        """Begin; None keeps no times."""
        self.latest = UNKNOWN_TIME
        self.times: dict[str, datetime] = {}
        self._since = None if since is None else since - MARGIN

    def note(self, item: Item) -> Item:
        """Take an item of the old collection, and return it."""
        time = time_of(item)
        self.latest = max(self.latest, time)
        if self._since is not None and time >= self._since:
            self.times[item.id] = time
        return item

    def forget(self, ids: Iterable[str]) -> None:
        """Take back that these are copied: the list has them, but they could not be fetched."""
        for each in ids:
            self.times.pop(each, None)


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
        return "delete" if new is not None and copied.has(new) else "keep"
    if new is None:
        return "keep" if copied.has(old) else "copy"
    return "replace" if time_of(old) > time_of(new) else "keep"


def time_of(item: Item) -> datetime:
    """Return when an item was written; the beginning of all times if nobody knows."""
    return item.update_time or UNKNOWN_TIME


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
