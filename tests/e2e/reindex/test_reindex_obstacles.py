"""Obstacles to a reindex: another one, the store, content that can't be read."""

import asyncio
import itertools
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tihua
from reindexing import EMBEDDED_ALONE, LONG_AGO, Reindex, times
from tihua._reindex.watch import AliasWatch

pytestmark = [pytest.mark.usefixtures("filled"), EMBEDDED_ALONE]


async def test_what_failed_at_first_and_was_written_late_has_not_failed(
    reindex: Reindex, folder: Path
) -> None:
    """An item that failed and was not written again counts as failed."""
    kept = (folder / "000.jpg").read_bytes()
    for name in ("000.jpg", "001.jpg"):
        (folder / name).unlink()

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "settle":
            (folder / "000.jpg").write_bytes(kept)
            blocking.upsert([tihua.Item("000.jpg", image=kept)], collection="photos_1")

    summary, _ = await asyncio.to_thread(lambda: reindex(meanwhile, allow_missing=True))

    assert (summary.items, summary.failed, summary.is_complete) == (9, 1, True)


async def test_what_was_swapped_and_not_settled_is_settled_by_the_next_call(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path
) -> None:
    """Until then an alias remembers the old collection and protects it from deletion."""

    def die(blocking: tihua.Client, stage: str) -> None:
        if stage == "settle":
            blocking.upsert(
                [tihua.Item("050.jpg", image=folder / "050.jpg")], collection="photos_1"
            )
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await asyncio.to_thread(reindex, die)
    assert (await client.get_collection()).name == "photos_small_1"
    with pytest.raises(tihua.FailedPreconditionError, match="photos_small_1_source"):
        await client.delete_collection("photos_1")
    await client.delete_items(["000.jpg"])
    # An old update time, as a copy from another collection has.
    await client.upsert([tihua.Item("051.jpg", text="新", update_time=LONG_AGO)])

    summary, _ = await asyncio.to_thread(reindex)

    assert (summary.source, summary.written, summary.deleted) == ("photos_1", 1, 0)
    assert summary.is_complete
    found = await times(client, "photos")
    assert {"050.jpg", "051.jpg"} < found.keys()
    assert "000.jpg" not in found
    await client.delete_collection("photos_1")


@pytest.mark.parametrize(
    ("stage", "update_time"),
    [("catch-up", None), ("catch-up", LONG_AGO - timedelta(days=1)), ("settle", None)],
    ids=["before the swap", "before the swap, with an old time", "after the swap"],
)
async def test_what_a_list_has_and_could_not_be_fetched_at_first_is_copied(
    client: tihua.AsyncClient,
    reindex: Reindex,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    update_time: datetime | None,
) -> None:
    """It is not mistaken for an item that was copied and then deleted."""
    get_items = tihua.Client.get_items
    # Few enough, compared with the ten of the copy, for the swap to follow.
    late = [f"{number:03}.jpg" for number in range(50, 57)]
    has_missed = threading.Event()

    def meanwhile(blocking: tihua.Client, now: str) -> None:
        if now == stage:
            items = [
                tihua.Item(name, image=folder / name, update_time=update_time) for name in late
            ]
            blocking.upsert(items, collection="photos_1")

    def one_less(self: tihua.Client, ids: Sequence[str], **kwargs: Any) -> list[tihua.Item]:
        found = get_items(self, ids, **kwargs)
        if late[-1] not in ids or has_missed.is_set():
            return found
        has_missed.set()
        return [item for item in found if item.id != late[-1]]

    monkeypatch.setattr(tihua.Client, "get_items", one_less)
    summary, _ = await asyncio.to_thread(reindex, meanwhile)

    assert has_missed.is_set()
    assert (summary.items, summary.is_complete) == (17, True)
    assert await times(client, "photos") == await times(client, "photos_1")


@pytest.mark.parametrize("misses", [2, sys.maxsize], ids=["for two passes", "ever"])
async def test_an_item_that_alone_could_not_be_fetched_is_tried_again(
    client: tihua.AsyncClient,
    reindex: Reindex,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    misses: int,
) -> None:
    """It is tried once more when nothing else is left; if that fails, nothing is swapped."""
    get_items = tihua.Client.get_items
    left = itertools.count(misses, -1)

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "copy":
            item = tihua.Item("050.jpg", image=folder / "050.jpg")
            blocking.upsert([item], collection="photos_1")

    def without(self: tihua.Client, ids: Sequence[str], **kwargs: Any) -> list[tihua.Item]:
        found = get_items(self, ids, **kwargs)
        if "050.jpg" not in ids or next(left) <= 0:
            return found
        return [item for item in found if item.id != "050.jpg"]

    monkeypatch.setattr(tihua.Client, "get_items", without)
    if misses == 2:
        summary, _ = await asyncio.to_thread(reindex, meanwhile)
        assert (summary.items, summary.is_complete) == (11, True)
    else:
        message = "has 10 items and photos_1 has 11 .* 1 of them can't be fetched"
        with pytest.raises(tihua.ServerError, match=message):
            await asyncio.to_thread(reindex, meanwhile)
        assert (await client.get_collection()).name == "photos_1"


async def test_an_item_that_came_late_and_can_never_be_fetched_is_not_tried_for_ever(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything else is fetched; then the call fails and names the item."""
    get_items = tihua.Client.get_items

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "settle":
            items = [tihua.Item(name, image=folder / name) for name in ("050.jpg", "051.jpg")]
            blocking.upsert(items, collection="photos_1")

    def without(self: tihua.Client, ids: Sequence[str], **kwargs: Any) -> list[tihua.Item]:
        return [item for item in get_items(self, ids, **kwargs) if item.id != "050.jpg"]

    monkeypatch.setattr(tihua.Client, "get_items", without)
    with pytest.raises(tihua.ServerError, match=r"such as '050\.jpg'; photos leads to") as caught:
        await asyncio.to_thread(reindex, meanwhile)

    assert caught.value.reason == "ITEMS_UNREADABLE"
    assert "051.jpg" in await times(client, "photos")


async def test_what_came_late_and_cannot_be_sent_has_failed(reindex: Reindex, folder: Path) -> None:
    """It fails as before the swap; the rest is fetched."""

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "settle":
            items = [tihua.Item(name, image=folder / name) for name in ("050.jpg", "051.jpg")]
            blocking.upsert(items, collection="photos_1")

    def reading(_: tihua.Client, item: tihua.Item) -> str | None:
        return "\ud800" if item.id == "050.jpg" else None

    summary, seen = await asyncio.to_thread(reindex, meanwhile, reading)

    assert (summary.items, summary.failed, summary.is_swapped) == (11, 1, True)
    [error] = [error for progress in seen for error in progress.errors]
    assert (error.id, error.code) == ("050.jpg", "INVALID_ARGUMENT")


async def test_nothing_is_swapped_if_the_store_counts_otherwise_than_it_lists(
    client: tihua.AsyncClient, reindex: Reindex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If count and list disagree about an item, the reindex stops."""
    count = tihua.Client.count_items

    def one_less(self: tihua.Client, *, collection: str) -> int:
        return count(self, collection=collection) - (collection == "photos_small_1")

    monkeypatch.setattr(tihua.Client, "count_items", one_less)
    with pytest.raises(tihua.ServerError, match="has 9 items and photos_1 has 10"):
        await asyncio.to_thread(reindex)
    assert (await client.get_collection()).name == "photos_1"


@pytest.mark.parametrize("name", ["050.jpg", "005.jpg"], ids=["new", "replaced"])
async def test_a_reindex_that_another_has_overtaken_undoes_nothing_and_stops(
    client: tihua.AsyncClient,
    reindex: Reindex,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """Writes since the other's swap are kept; run again, it finds nothing to do."""
    has_overtaken, is_later = threading.Event(), threading.Event()

    def overtake(blocking: tihua.Client) -> None:
        has_overtaken.set()
        tihua.reindex(blocking, "photos", model="small", content=lambda item: folder / item.id)
        blocking.upsert([tihua.Item(name, text="新", uri="newer")], collection="photos")
        is_later.set()

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "catch-up" and name == "050.jpg":
            overtake(blocking)

    def reading(blocking: tihua.Client, item: tihua.Item) -> None:
        if item.id == name and not has_overtaken.is_set():
            overtake(blocking)

    def clock() -> float:
        """Jump ahead once the alias has moved, so that the last check is long ago."""
        return time.monotonic() + 3600.0 * is_later.is_set()

    monkeypatch.setattr("tihua._reindex.early.AliasWatch", partial(AliasWatch, now=clock))
    with pytest.raises(tihua.FailedPreconditionError, match="another reindex was faster"):
        await asyncio.to_thread(reindex, meanwhile, reading)

    assert has_overtaken.is_set()
    [found] = await client.get_items([name])
    assert found.uri == "newer"
    summary, _ = await asyncio.to_thread(reindex)
    assert (summary.written, summary.deleted, summary.is_complete) == (0, 0, True)
