"""The command: it does not disturb searches, and can be resumed after any interruption."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import tihua
from processes import run_tihua
from reindexing import EMBEDDED_ALONE, PICTURES, pictures, times
from tihua_server.app import App
from tihua_server.item import Item
from tihua_server.milvus.store import Milvus


class Gate:
    """Holds up the writes to a collection after the first, to keep a reindex in progress."""

    def __init__(self, collection: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Intercept the store's writes to `collection`."""
        self.has_written = asyncio.Event()
        self.is_open = asyncio.Event()
        upsert = Milvus.upsert

        async def upsert_when_open(store: Milvus, name: str, items: Sequence[Item]) -> None:
            if name == collection and self.has_written.is_set():
                await self.is_open.wait()
            await upsert(store, name, items)
            if name == collection:
                self.has_written.set()

        monkeypatch.setattr(Milvus, "upsert", upsert_when_open)


@contextlib.asynccontextmanager
async def searching(client: tihua.AsyncClient, folder: Path) -> AsyncIterator[list[str]]:
    """Search continually for pictures by themselves; yield the models that found them.

    A picture embedded by a model other than the collection's does not find itself.
    """
    seen: list[str] = []
    is_done = asyncio.Event()
    paths = pictures(folder)[60:70]

    async def search() -> None:
        while not is_done.is_set():
            for path in paths:
                result = await client.search(image=path, limit=1)
                assert result[0].id == path.name
                assert result[0].score == pytest.approx(1, abs=1e-3)
                seen.append(result.model.id)

    tasks = [asyncio.create_task(search()) for _ in range(2)]
    try:
        yield seen
    finally:
        is_done.set()
        await asyncio.gather(*tasks)


async def tihua_command(app: App, *arguments: str | Path) -> tuple[int, str, str]:
    """Run the command line; return exit status, stdout and stderr."""
    done = await asyncio.to_thread(run_tihua, *arguments, address=app.address)
    return done.returncode, done.stdout, done.stderr


async def test_a_reindex_is_not_noticed_by_those_who_search_and_survives_being_killed(
    app: App, client: tihua.AsyncClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items added, replaced or deleted meanwhile are caught up; nothing is missing or doubled."""
    await client.create_collection(index="FLAT", description="山水")
    await tihua_command(app, "ingest", folder, "-c", "photos")
    assert await client.count_items() == PICTURES
    gate = Gate("photos_small_1", monkeypatch)
    command = ("collections", "reindex", "photos", folder, "--model", "small")
    async with searching(client, folder) as seen:
        first = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tihua", "--address", app.address, *map(str, command)
        )
        await asyncio.wait_for(gate.has_written.wait(), 60)
        assert (await client.get_collection()).name == "photos_tihua_tiny_1"
        (folder / "000.jpg").unlink()
        await client.delete_items(["000.jpg"])
        shutil.copy(folder / "050.jpg", folder / "001.jpg")
        shutil.copy(folder / "051.jpg", folder / "000_new.jpg")
        await tihua_command(app, "ingest", folder, "-c", "photos")
        first.kill()
        assert await first.wait() == -signal.SIGKILL
        assert set(seen) == {"tihua-tiny"}
        assert 0 < await client.count_items(collection="photos_small_1") < PICTURES
        gate.is_open.set()

        status, said, errors = await tihua_command(app, *command)

        assert status == 0, errors
        told = len(seen)
        while len(seen) < told + 20:
            await asyncio.sleep(0.01)
    assert set(seen[told + 2 :]) == {"small"}
    assert f"photos leads to photos_small_1: {PICTURES} items" in said
    assert "tihua collections alias photos photos_tihua_tiny_1" in said
    # A Milvus server also has the collections of other tests.
    collections = await client.list_collections()
    new, old = [one for one in collections if one.name.startswith("photos")]
    assert (new.name, new.model.id, new.aliases) == ("photos_small_1", "small", ("photos",))
    assert (old.name, old.model.id, old.aliases) == ("photos_tihua_tiny_1", "tihua-tiny", ())
    assert (new.description, new.index) == ("山水", "FLAT")
    assert await times(client, new.name) == await times(client, old.name)
    assert sorted(await times(client, new.name)) == [path.name for path in pictures(folder)]
    for found in (await client.search(image=folder / "050.jpg", limit=2)).hits:
        assert found.id in {"001.jpg", "050.jpg"}
        assert found.score == pytest.approx(1, abs=1e-3)
        assert found.uri == str(folder / found.id)
        assert found.metadata["name"] == found.id
    assert await tihua_command(app, *command) == (
        0,
        "photos already uses small: nothing to do\n",
        "",
    )


@EMBEDDED_ALONE
async def test_a_reindex_says_what_to_do_where_a_server_died_in_renaming(
    app: App, client: tihua.AsyncClient, folder: Path
) -> None:
    """This may happen with a Milvus server: the rename comes before the alias."""
    await client.create_collection(index="FLAT")
    await client.upsert([tihua.Item("000.jpg", image=folder / "000.jpg")])
    await client.rename_collection("photos", "photos_tihua_tiny_1")

    command = ("collections", "reindex", "photos", folder, "--model", "small")
    status, _, errors = await tihua_command(app, *command)
    assert status == 1
    remedy = ("collections", "alias", "photos", "photos_tihua_tiny_1")
    assert f"`tihua {' '.join(remedy)}`" in errors
    await tihua_command(app, *remedy)
    status, _, errors = await tihua_command(app, *command)

    assert status == 0, errors
    assert (await client.get_collection()).name == "photos_small_1"
    assert await client.count_items() == 1


@EMBEDDED_ALONE
async def test_items_whose_pictures_cannot_be_had_keep_the_alias_where_it_is(
    app: App, client: tihua.AsyncClient, folder: Path
) -> None:
    """The items are named, and only left out if the user says so; nothing is embedded twice."""
    await client.create_collection("photos_1")
    await client.set_alias("photos", "photos_1")
    paths = pictures(folder)[:4]
    items = [tihua.Item(path.name, image=path, uri=str(path)) for path in paths]
    await client.upsert([*items, tihua.Item("马", text="马")])
    paths[0].unlink()
    paths[1].write_bytes(b"no picture")
    command = ("collections", "reindex", "photos", folder, "--model", "small")

    status, said, errors = await tihua_command(app, *command)

    assert status == 1
    assert "photos still leads to photos_1: 3 items can't be found or embedded" in said
    remedy, _, last_resort = said.partition("last resort")
    assert "If they are in another folder, name it too" in remedy
    assert "--allow-missing" in last_resort
    assert sorted(line.split(":")[1] for line in errors.splitlines() if "failed:" in line) == [
        " 000.jpg",
        " 001.jpg",
        " 马",
    ]
    assert (await client.get_collection()).name == "photos_1"

    status, said, _ = await tihua_command(app, *command, "--allow-missing", "--json")

    *failures, summary = map(json.loads, said.splitlines())
    assert status == 0
    assert {failure["id"]: failure["reason"] for failure in failures} == {
        "000.jpg": "CONTENT_MISSING",
        "001.jpg": "UNREADABLE_IMAGE",
        "马": "CONTENT_MISSING",
    }
    assert summary["items"] == 2
    assert (summary["written"], summary["failed"], summary["swapped"]) == (0, 3, True)
    assert (await client.get_collection()).name == "photos_small_1"


@EMBEDDED_ALONE
async def test_a_model_that_is_not_served_is_refused_before_anything_is_done(
    app: App, client: tihua.AsyncClient, folder: Path
) -> None:
    """The message says how to serve the model."""
    await client.create_collection()
    status, _, errors = await tihua_command(
        app, "collections", "reindex", "photos", folder, "--model", "ViT-B-16"
    )
    assert status == 1
    assert errors == (
        "Error: model ViT-B-16 is not served here; this server has tihua-tiny, small: start it "
        "with --also-model ViT-B-16 too, or ViT-B-16:NAME=CHECKPOINT for a checkpoint of your own\n"
    )
    assert (await client.get_collection()).aliases == ()
