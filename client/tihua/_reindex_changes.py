"""What an old collection has that its copy has not, and the other way round; knows no network.

An item and its copy are of one state if their update times are equal: a copy keeps the time of what
it is a copy of. So nothing is remembered between two passes, and no clocks are compared, until the
alias was moved. From then on the copy is written to as well, and the newer one is right.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


def changes(
    source: Iterable[Item], target: Iterable[Item], begun: datetime | None = None
) -> Iterator[Change]:
    """Yield what to do about each id of two collections, in the order of the ids.

    Args:
        source: the items of the old one, with their update times, sorted by id.
        target: those of the new one, likewise.
        begun: None as long as nobody but the reindex writes to the new one. Afterwards, when it was
            created: what was written to the old one after that, and is not in the new one, came too
            late to be copied; what was written before was copied, and has been deleted since.
    """
    for old, new in _paired(source, target):
        known = old or new
        assert known is not None, "a pair has an item"
        yield Change(known.id, _before(old, new) if begun is None else _after(old, new, begun))


def _before(old: Item | None, new: Item | None) -> ChangeKind:
    if old is None:
        return "delete"
    if new is None:
        return "copy"
    return "keep" if old.update_time == new.update_time else "replace"


def _after(old: Item | None, new: Item | None, begun: datetime) -> ChangeKind:
    if old is None:
        # Younger ones may never have been in the old collection.
        return "delete" if new is not None and _time(new) < begun - MARGIN else "keep"
    if new is None:
        return "copy" if _time(old) >= begun - MARGIN else "keep"
    return "replace" if _time(old) > _time(new) else "keep"


def _time(item: Item) -> datetime:
    return item.update_time or UNKNOWN_TIME


def _paired(
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
