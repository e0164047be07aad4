"""What is written while a reindex runs, before the name is led to the new collection and after."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import tihua
from reindexing import EMBEDDED_ALONE, LONG_AGO, pictures, times
from tihua_server.app import App

Done = tuple[tihua.ReindexSummary, list[tihua.ReindexProgress]]
Reindex = Callable[..., Done]


@pytest.fixture
def reindex(app: App, folder: Path) -> Iterator[Reindex]:
    """Runs a reindex of `photos`, as a program would.

    `meanwhile` is called when a stage begins, `reading` before the content of an item is read, in
    place of which it may return another.
    """
    with tihua.Client(app.address) as blocking:

        def run(
            meanwhile: Callable[[tihua.Client, str], None] = lambda *_: None,
            reading: Callable[[tihua.Client, tihua.Item], str | None] = lambda *_: None,
            allow_missing: bool = False,
        ) -> Done:
            seen: list[tihua.ReindexProgress] = []

            def content(item: tihua.Item) -> str | Path:
                return reading(blocking, item) or folder / item.id

            def note(progress: tihua.ReindexProgress) -> None:
                is_new = not seen or seen[-1].stage != progress.stage
                seen.append(progress)
                if is_new:
                    meanwhile(blocking, progress.stage)

            summary = tihua.reindex(
                blocking,
                "photos",
                model="small",
                content=content,
                allow_missing=allow_missing,
                on_progress=note,
            )
            return summary, seen

        yield run


@pytest.fixture
async def filled(client: tihua.AsyncClient, folder: Path) -> None:
    """The alias `photos` of a collection of ten pictures, written long ago."""
    await client.create_collection("photos_1")
    await client.set_alias("photos", "photos_1")
    paths = pictures(folder)[:10]
    await client.upsert([tihua.Item(path.name, image=path, update_time=LONG_AGO) for path in paths])


@pytest.mark.usefixtures("filled")
async def test_what_is_written_to_the_old_collection_after_the_swap_is_fetched(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path
) -> None:
    """By a server that does not know yet; and what is done to the new one is not undone."""

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
    """Of items a call, and of items a page."""
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
async def test_what_failed_at_first_and_was_written_late_has_not_failed(
    reindex: Reindex, folder: Path
) -> None:
    """What failed and was not written again has."""
    kept = (folder / "000.jpg").read_bytes()
    for name in ("000.jpg", "001.jpg"):
        (folder / name).unlink()

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "settle":
            (folder / "000.jpg").write_bytes(kept)
            blocking.upsert([tihua.Item("000.jpg", image=kept)], collection="photos_1")

    summary, _ = await asyncio.to_thread(lambda: reindex(meanwhile, allow_missing=True))

    assert (summary.items, summary.failed, summary.is_complete) == (9, 1, True)


@pytest.mark.usefixtures("filled")
async def test_what_is_deleted_after_the_swap_stays_deleted(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it was written while the reindex ran, as what comes late is, or came late."""
    upsert = tihua.Client.upsert

    def put(blocking: tihua.Client, name: str, collection: str) -> None:
        upsert(blocking, [tihua.Item(name, image=folder / name)], collection=collection)

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "copy":
            put(blocking, "050.jpg", "photos")
        if stage == "settle":
            assert blocking.delete_items(["050.jpg"], collection="photos") == 1
            for name in ("051.jpg", "052.jpg"):
                put(blocking, name, "photos_1")
            put(blocking, "052.jpg", "photos")

    def upsert_and_delete(self: tihua.Client, *args: Any, **kwargs: Any) -> tihua.UpsertResult:
        result = upsert(self, *args, **kwargs)
        assert self.delete_items(["051.jpg", "052.jpg"], collection="photos") == 2
        return result

    # The reindex writes what came late by it; a second pass looks whether there is more.
    monkeypatch.setattr(tihua.Client, "upsert", upsert_and_delete)
    summary, _ = await asyncio.to_thread(reindex, meanwhile)

    deleted = {"050.jpg", "051.jpg", "052.jpg"}
    assert (summary.written, summary.is_complete) == (12, True)
    assert deleted < set(await times(client, "photos_1"))
    assert deleted.isdisjoint(await times(client, "photos"))


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("is_last_moment", [False, True])
async def test_what_came_late_replaces_nothing_newer(
    client: tihua.AsyncClient,
    reindex: Reindex,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_last_moment: bool,
) -> None:
    """Nor what is written while the late content is read, or when both lists were compared."""
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
async def test_what_was_swapped_and_not_settled_is_settled_by_the_next_call(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path
) -> None:
    """The alias that remembers the old collection is there until then, and keeps it."""

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

    summary, _ = await asyncio.to_thread(reindex)

    assert (summary.source, summary.written, summary.is_complete) == ("photos_1", 1, True)
    assert "050.jpg" in await times(client, "photos")
    assert "000.jpg" not in await times(client, "photos")
    await client.delete_collection("photos_1")


@pytest.mark.usefixtures("filled")
@EMBEDDED_ALONE
async def test_what_is_written_late_with_an_old_time_is_not_lost(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path
) -> None:
    """As a copy of another collection has it, to either of the two."""
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


@pytest.mark.usefixtures("filled")
@EMBEDDED_ALONE
@pytest.mark.parametrize("stage", ["catch-up", "settle"])
async def test_what_a_list_has_and_could_not_be_fetched_at_first_is_copied(
    client: tihua.AsyncClient,
    reindex: Reindex,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
) -> None:
    """It is not taken for what was copied and then deleted."""
    get_items = tihua.Client.get_items
    # So many in relation to the ten of the copy that the swap follows.
    young = [f"{number:03}.jpg" for number in range(50, 57)]
    has_missed = threading.Event()

    def meanwhile(blocking: tihua.Client, now: str) -> None:
        if now == stage:
            items = [tihua.Item(name, image=folder / name) for name in young]
            blocking.upsert(items, collection="photos_1")

    def one_less(self: tihua.Client, ids: Sequence[str], **kwargs: Any) -> list[tihua.Item]:
        found = get_items(self, ids, **kwargs)
        if young[-1] not in ids or has_missed.is_set():
            return found
        has_missed.set()
        return [item for item in found if item.id != young[-1]]

    monkeypatch.setattr(tihua.Client, "get_items", one_less)
    summary, _ = await asyncio.to_thread(reindex, meanwhile)

    assert has_missed.is_set()
    assert (summary.items, summary.is_complete) == (17, True)
    assert await times(client, "photos") == await times(client, "photos_1")


@pytest.mark.usefixtures("filled")
@EMBEDDED_ALONE
async def test_what_came_late_and_cannot_be_sent_has_failed(reindex: Reindex, folder: Path) -> None:
    """As before the swap; the rest is fetched."""

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


@pytest.mark.usefixtures("filled")
@EMBEDDED_ALONE
async def test_nothing_is_swapped_if_the_store_counts_otherwise_than_it_lists(
    client: tihua.AsyncClient, reindex: Reindex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item that is listed and not counted, or the other way round, is nothing to go on with."""
    count = tihua.Client.count_items

    def one_less(self: tihua.Client, *, collection: str) -> int:
        return count(self, collection=collection) - (collection == "photos_small_1")

    monkeypatch.setattr(tihua.Client, "count_items", one_less)
    with pytest.raises(tihua.ServerError, match="has 9 items and photos_1 has 10"):
        await asyncio.to_thread(reindex)
    assert (await client.get_collection()).name == "photos_1"


@pytest.mark.usefixtures("filled")
@EMBEDDED_ALONE
@pytest.mark.parametrize("name", ["050.jpg", "005.jpg"], ids=["new", "replaced"])
async def test_a_reindex_that_another_has_overtaken_undoes_nothing_and_stops(
    client: tihua.AsyncClient, reindex: Reindex, folder: Path, name: str
) -> None:
    """What was written since the other's swap stays; run again, it finds nothing to do."""
    has_overtaken = threading.Event()

    def overtake(blocking: tihua.Client) -> None:
        has_overtaken.set()
        tihua.reindex(blocking, "photos", model="small", content=lambda item: folder / item.id)
        blocking.upsert([tihua.Item(name, text="新", uri="newer")], collection="photos")

    def meanwhile(blocking: tihua.Client, stage: str) -> None:
        if stage == "catch-up" and name == "050.jpg":
            overtake(blocking)

    def reading(blocking: tihua.Client, item: tihua.Item) -> None:
        if item.id == name and not has_overtaken.is_set():
            overtake(blocking)
            time.sleep(1.1)  # a slow disk: the alias is looked at once a second

    with pytest.raises(tihua.FailedPreconditionError, match="another reindex was quicker"):
        await asyncio.to_thread(reindex, meanwhile, reading)

    assert has_overtaken.is_set()
    [found] = await client.get_items([name])
    assert found.uri == "newer"
    summary, _ = await asyncio.to_thread(reindex)
    assert (summary.written, summary.deleted, summary.is_complete) == (0, 0, True)
