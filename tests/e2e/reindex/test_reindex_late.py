"""Writes while a reindex runs, before and after the alias is moved to the new collection."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tihua
from reindexing import EMBEDDED_ALONE, LONG_AGO, Reindex, pictures, times


@pytest.mark.usefixtures("filled")
async def test_what_is_written_to_the_old_collection_after_the_swap_is_fetched(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path
) -> None:
    """Another server may still use the old one; changes to the new one are not undone."""

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage != "settle":
            return
        late = [tihua.Item(name, image=folder / name) for name in ("000.jpg", "050.jpg")]
        blocking.upsert(late, collection="photos_1")
        blocking.delete_items(["001.jpg"], collection="photos_1")
        new = [tihua.Item(name, image=folder / name) for name in ("002.jpg", "060.jpg")]
        blocking.upsert(new, collection="photos")
        blocking.delete_items(["003.jpg"], collection="photos")

    summary, seen = await asyncio.to_thread(reindex, meanwhile)

    old, new = await times(client, "photos_1"), await times(client, "photos")
    assert sorted(new) == [
        "000.jpg",
        "002.jpg",
        *(f"00{number}.jpg" for number in range(4, 10)),
        "050.jpg",
        "060.jpg",
    ]
    assert new["000.jpg"] == old["000.jpg"] != LONG_AGO
    assert new["002.jpg"] != LONG_AGO
    assert (summary.written, summary.deleted, summary.is_complete) == (12, 1, True)
    assert [progress.stage for progress in seen][-1] == "settle"


@pytest.mark.parametrize("app", ["small"], indirect=True)
async def test_what_comes_late_is_written_within_the_limits_of_the_server(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path
) -> None:
    """The limits are those on items per call and items per page."""
    await client.create_collection("photos_1")
    await client.set_alias("photos", "photos_1")
    late = [tihua.Item(path.name, image=path) for path in pictures(folder)[:17]]

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "settle":
            for start in range(0, len(late), 8):
                blocking.upsert(late[start : start + 8], collection="photos_1")

    summary, _ = await asyncio.to_thread(reindex, meanwhile)

    assert (summary.written, summary.items, summary.is_complete) == (17, 17, True)


@pytest.mark.usefixtures("filled")
@EMBEDDED_ALONE
@pytest.mark.parametrize(
    "update_time", [None, LONG_AGO - timedelta(days=1)], ids=["of now", "of its own"]
)
async def test_what_is_deleted_after_the_swap_stays_deleted(
    client: tihua.AsyncClient,
    reindex: Reindex,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    update_time: datetime | None,
) -> None:
    """This holds for items written during the reindex, and for late writes to the old one."""
    upsert = tihua.Client.upsert

    def put(
        blocking: tihua.Client, name: str, collection: str, time: datetime | None = None
    ) -> None:
        item = tihua.Item(name, image=folder / name, update_time=time)
        upsert(blocking, [item], collection=collection)

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "copy":
            put(blocking, "050.jpg", "photos")
        if stage == "settle":
            assert blocking.delete_items(["050.jpg"], collection="photos") == 1
            for name in ("051.jpg", "052.jpg"):
                put(blocking, name, "photos_1", update_time)
            put(blocking, "052.jpg", "photos")

    def upsert_and_delete(self: tihua.Client, *args: Any, **kwargs: Any) -> tihua.UpsertResult:
        result = upsert(self, *args, **kwargs)
        assert self.delete_items(["051.jpg", "052.jpg"], collection="photos") == 2
        return result

    # The reindex uses it to write late items; a second pass then looks for more.
    monkeypatch.setattr(tihua.Client, "upsert", upsert_and_delete)
    summary, _ = await asyncio.to_thread(reindex, meanwhile)

    deleted = {"050.jpg", "051.jpg", "052.jpg"}
    assert (summary.written, summary.is_complete) == (12, True)
    assert deleted < set(await times(client, "photos_1"))
    assert deleted.isdisjoint(await times(client, "photos"))


@pytest.mark.usefixtures("filled")
@EMBEDDED_ALONE
@pytest.mark.parametrize("is_last_moment", [False, True])
async def test_what_came_late_replaces_nothing_newer(
    client: tihua.AsyncClient,
    reindex: Reindex,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_last_moment: bool,
) -> None:
    """This includes writes while the late content is read, or after the lists were compared."""
    late = ("000.jpg", "050.jpg")
    get_items = tihua.Client.get_items

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "settle":
            items = [tihua.Item(name, image=folder / name) for name in late]
            blocking.upsert(items, collection="photos_1")
            blocking.delete_items(["001.jpg"], collection="photos_1")

    def write(blocking: tihua.Client, names: Sequence[str]) -> None:
        items = [tihua.Item(name, text="新", uri="newer") for name in names]
        blocking.upsert(items, collection="photos")

    def reading(blocking: tihua.Client, item: tihua.Item) -> None:
        if item.id in late and item.update_time != LONG_AGO and not is_last_moment:
            write(blocking, [item.id])

    def newer_when_asked(self: tihua.Client, ids: Sequence[str], **kwargs: Any) -> list[tihua.Item]:
        if kwargs["fields"] == ("update_time",) and (is_last_moment or "001.jpg" in ids):
            write(self, ids)
        return get_items(self, ids, **kwargs)

    monkeypatch.setattr(tihua.Client, "get_items", newer_when_asked)
    summary, _ = await asyncio.to_thread(reindex, meanwhile, reading)

    assert (summary.written, summary.deleted, summary.is_complete) == (10, 0, True)
    found = await client.get_items([*late, "001.jpg"])
    assert [item.uri for item in found] == ["newer"] * 3


@pytest.mark.usefixtures("filled")
@EMBEDDED_ALONE
async def test_what_is_written_late_with_an_old_time_is_not_lost(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path
) -> None:
    """A copy from another collection keeps old times, in either of the two."""
    older = LONG_AGO - timedelta(days=1)

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "settle":
            for name, collection in (("050.jpg", "photos_1"), ("051.jpg", "photos")):
                item = tihua.Item(name, image=folder / name, update_time=older)
                blocking.upsert([item], collection=collection)

    summary, _ = await asyncio.to_thread(reindex, meanwhile)

    assert (summary.items, summary.written, summary.deleted) == (12, 11, 0)
    new = await times(client, "photos")
    assert (new["050.jpg"], new["051.jpg"]) == (older, older)
