"""What an old collection has that its copy has not."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tihua import Item
from tihua._reindex.changes import MARGIN, Copied, Seen, changes

BEGUN = datetime(2026, 11, 27, tzinfo=UTC)
LONG_AGO = BEGUN - timedelta(days=1)
LATER = BEGUN + timedelta(seconds=1)
LATEST = BEGUN + timedelta(seconds=2)

Times = Mapping[str, datetime | None]


def items(times: Times) -> list[Item]:
    """Return items with these update times, as a list of them comes."""
    return [Item(item_id, update_time=times[item_id]) for item_id in sorted(times)]


def kinds(old: Times, new: Times, copied: Copied | None = None) -> dict[str, str]:
    """Return what is to be done about each id."""
    return {change.id: change.kind for change in changes(items(old), items(new), copied)}


def test_before_the_swap_the_copy_is_made_like_the_old_collection() -> None:
    """By equal times, whichever is the later; none is equal to none."""
    old = {"added": LATER, "kept": LATER, "nobody knows": None, "older": LONG_AGO, "newer": LATEST}
    new = {"gone": LATER, "kept": LATER, "nobody knows": None, "older": LATER, "newer": LATER}
    assert kinds(old, new) == {
        "added": "copy",
        "gone": "delete",
        "kept": "keep",
        "newer": "replace",
        "nobody knows": "keep",
        "older": "replace",
    }


TIMES = st.dictionaries(
    st.text(min_size=1, max_size=3), st.sampled_from([None, LONG_AGO, LATER, LATEST]), max_size=12
)


@given(TIMES, TIMES)
def test_after_a_pass_both_are_alike(old: Times, new: Times) -> None:
    """Whatever there was; and each id is told of once, in order."""
    after = dict(new)
    found = list(changes(items(old), items(new)))
    for change in found:
        if change.kind == "delete":
            del after[change.id]
        elif change.kind in {"copy", "replace"}:
            after[change.id] = old[change.id]
    assert after == old
    assert [change.id for change in found] == sorted({*old, *new})
    assert {change.kind for change in changes(items(old), items(after))} <= {"keep"}


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (LATER, None, "copy"),
        (LONG_AGO, None, "keep"),
        (None, LONG_AGO, "keep"),
        (None, LATER, "keep"),
        (LATER, LONG_AGO, "replace"),
        (LATER, LATEST, "keep"),
        (LATER, LATER, "keep"),
    ],
    ids=[
        "came late",
        "deleted from the new one",
        "written to the new one with an old time",
        "written to the new one",
        "replaced late",
        "replaced in the new one",
        "copied",
    ],
)
def test_after_the_swap_the_newer_is_right(
    old: datetime | None, new: datetime | None, kind: str
) -> None:
    """The new collection is written to as well, and is not undone by a call that copied nothing."""
    olds: Times = {} if old is None else {"a": old}
    news: Times = {} if new is None else {"a": new}
    assert kinds(olds, news, Copied(BEGUN)) == {"a": kind}


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (LATER, None, "keep"),
        (LATEST, None, "copy"),
        (None, LATER, "delete"),
        (None, LATEST, "keep"),
        (LATEST, LATER, "replace"),
    ],
    ids=[
        "deleted from the new one",
        "came late",
        "deleted late from the old one",
        "written to the new one",
        "replaced late",
    ],
)
def test_what_was_copied_last_is_told_from_what_came_late(
    old: datetime | None, new: datetime | None, kind: str
) -> None:
    """Though both are young: it has the time that it was copied with."""
    seen = Seen(BEGUN)
    for item in items({"a": LATER, "old": LONG_AGO}):
        seen.note(item)
    assert (seen.times, seen.latest) == ({"a": LATER}, LATER)
    olds: Times = {} if old is None else {"a": old}
    news: Times = {} if new is None else {"a": new}
    assert kinds(olds, news, Copied(BEGUN, seen.times)) == {"a": kind}


def test_an_old_time_of_its_own_does_not_make_an_item_one_that_was_copied() -> None:
    """Only what was there with that time was; writers may choose the time, as a copy does."""
    seen = Seen(BEGUN)
    for item in items({"a": LONG_AGO, "b": LONG_AGO}):
        seen.note(item)
    copied = Copied(BEGUN, seen.times, seen.older())
    earlier = LONG_AGO - timedelta(days=1)
    assert kinds({"a": LONG_AGO, "b": earlier, "c": LONG_AGO}, {}, copied) == {
        "a": "keep",
        "b": "copy",
        "c": "copy",
    }
    assert kinds({}, {"a": LONG_AGO, "b": earlier, "c": LONG_AGO}, copied) == {
        "a": "delete",
        "b": "keep",
        "c": "keep",
    }
    assert copied.and_of(Seen(BEGUN), ()).has(Item("a", update_time=LONG_AGO))


def test_an_item_with_an_old_time_that_could_not_be_fetched_was_not_copied() -> None:
    """Until it is: then it was, and does not come back when it is deleted."""
    old = Item("a", update_time=LONG_AGO)
    first = Seen(BEGUN)
    first.note(old)
    first.forget(["a"])
    copied = Copied(BEGUN, first.times, first.older(), first.missed)
    assert not copied.has(old)

    second = Seen(copied=copied)
    second.note(old)
    assert not copied.and_of(second, {"a"}).has(old)
    assert copied.and_of(second, ()).has(old)


def test_what_came_late_with_an_old_time_was_copied_after_that() -> None:
    """Of all else nothing more is remembered."""
    [kept, late] = items({"a": LONG_AGO, "b": LONG_AGO})
    before = Seen(BEGUN)
    before.note(kept)
    copied = Copied(BEGUN, before.times, before.older())
    after = Seen(copied=copied)
    for item in (kept, late):
        after.note(item)
    assert after.times == {"b": LONG_AGO}
    settled = copied.and_of(after, ())
    assert settled.has(kept)
    assert settled.has(late)
    assert kinds({}, {"b": LONG_AGO}, settled) == {"b": "delete"}


def test_clocks_may_differ_by_the_margin() -> None:
    """An item that seems a little older than what was copied came late all the same."""
    assert kinds({"a": BEGUN - MARGIN}, {}, Copied(BEGUN)) == {"a": "copy"}
    assert kinds({}, {"a": BEGUN - MARGIN}, Copied(BEGUN)) == {"a": "keep"}
    seen = Seen(BEGUN)
    seen.note(Item("a", update_time=BEGUN - MARGIN))
    assert kinds({"a": BEGUN - MARGIN}, {}, Copied(BEGUN, seen.times)) == {"a": "keep"}


def test_items_of_which_nobody_knows_the_time_are_the_oldest() -> None:
    """They were there before any of this was known."""
    old: Times = {"both": None, "old": None, "replaced": LATER}
    new: Times = {"both": None, "new": None, "replaced": None}
    assert kinds(old, new, Copied(BEGUN)) == {
        "both": "keep",
        "new": "keep",
        "old": "keep",
        "replaced": "replace",
    }
