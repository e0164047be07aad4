"""A collection embedded again with another model, while it is searched and written to."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import tihua
from in_process import serving
from processes import GALLERY, run_tihua
from small_clip import small_clip
from tihua_server.app import App
from tihua_server.clip_encoder import ClipEncoder
from tihua_server.config import Config
from tihua_server.encoders import load_encoder
from tihua_server.errors import StoreUnavailable
from tihua_server.openvino_engine import make_openvino_engine
from tihua_server.types import Encoder, Item

LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)
PICTURES = 120


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Encoder]:
    """The packaged model, and a small Chinese-CLIP of random weights."""
    model, cache_dir = small_clip(), tmp_path_factory.mktemp("models")
    engine = make_openvino_engine(model, "fp32", threads=0, cache_dir=cache_dir)
    return load_encoder(Config()), ClipEncoder(model, engine)


@pytest.fixture
async def app(tmp_path: Path, models: tuple[Encoder, Encoder]) -> AsyncIterator[App]:
    """A server of both."""
    config = Config(port=0, data_dir=tmp_path / "data", drain_timeout_s=5)
    tiny, small = models
    async with serving(tiny, config, small) as running:
        yield running


@pytest.fixture
async def client(app: App) -> AsyncIterator[tihua.AsyncClient]:
    """A client whose calls are about `photos`."""
    async with tihua.AsyncClient(app.address, collection="photos") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of pictures, `000.jpg` and on."""
    made = tmp_path / "photos"
    made.mkdir()
    for number, path in enumerate(sorted(GALLERY.glob("*.jpg"))[:PICTURES]):
        shutil.copy(path, made / f"{number:03}.jpg")
    return made


def pictures(folder: Path) -> list[Path]:
    """Return what is in a folder."""
    return sorted(folder.iterdir())


class Gate:
    """Holds up writes to one collection after the first, so that what has begun is not done yet."""

    def __init__(self, app: App, collection: str) -> None:
        """Stand before the store."""
        self.has_written = asyncio.Event()
        self.is_open = asyncio.Event()
        self._upsert = app._store.upsert
        self._collection = collection

    async def upsert(self, name: str, items: Sequence[Item]) -> None:
        """Write, as soon as it may be."""
        if name == self._collection and self.has_written.is_set():
            await self.is_open.wait()
        await self._upsert(name, items)
        if name == self._collection:
            self.has_written.set()


@contextlib.asynccontextmanager
async def searching(client: tihua.AsyncClient, folder: Path) -> AsyncIterator[list[str]]:
    """Search for pictures by themselves, all the time; give the models that found them.

    A picture that is embedded by another model than the collection's does not find itself.
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
    """Run the command line; return its exit status, and what it said on stdout and stderr."""
    done = await asyncio.to_thread(run_tihua, *arguments, address=app.address)
    return done.returncode, done.stdout, done.stderr


async def times(client: tihua.AsyncClient, collection: str) -> dict[str, datetime | None]:
    """Return when each item of a collection was written."""
    items = client.list_items(fields=("update_time",), collection=collection)
    return {item.id: item.update_time async for item in items}


async def test_a_reindex_is_not_noticed_by_those_who_search_and_survives_being_killed(
    app: App, client: tihua.AsyncClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is added, replaced and deleted meanwhile is caught up; nothing is missing or doubled."""
    await client.create_collection(index="FLAT", description="山水")
    await tihua_command(app, "ingest", folder, "-c", "photos")
    assert await client.count_items() == PICTURES
    gate = Gate(app, "photos_small_1")
    monkeypatch.setattr(app._store, "upsert", gate.upsert)
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
    new, old = await client.list_collections()
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
        "photos is of small already: nothing to do\n",
        "",
    )


async def test_items_whose_pictures_cannot_be_had_keep_the_alias_where_it_is(
    app: App, client: tihua.AsyncClient, folder: Path
) -> None:
    """They are named, and left behind only if the user says so; nothing is embedded twice."""
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
    assert "photos still leads to photos_1: 3 items can't be had or embedded" in said
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


Done = tuple[tihua.ReindexSummary, list[tihua.ReindexProgress]]
Reindex = Callable[..., Done]


@pytest.fixture
def reindex(app: App, folder: Path) -> Iterator[Reindex]:
    """Runs a reindex of `photos`, as a program would.

    `meanwhile` is called when a stage begins, `reading` before the content of an item is read.
    """
    with tihua.Client(app.address) as blocking:

        def run(
            meanwhile: Callable[[tihua.Client, str], None] = lambda *_: None,
            reading: Callable[[tihua.Client, tihua.Item], None] = lambda *_: None,
        ) -> Done:
            seen: list[tihua.ReindexProgress] = []

            def content(item: tihua.Item) -> Path:
                reading(blocking, item)
                return folder / item.id

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
async def test_nothing_is_swapped_if_the_store_counts_otherwise_than_it_lists(
    client: tihua.AsyncClient, reindex: Reindex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item that is listed and not counted, or the other way round, is nothing to go on with."""
    count = tihua.Client.count_items

    def one_less(self: tihua.Client, *, collection: str) -> int:
        return count(self, collection=collection) - (collection == "photos_small_1")

    monkeypatch.setattr(tihua.Client, "count_items", one_less)
    with pytest.raises(tihua.ServerError, match="has 9 items where photos_1 has 10"):
        await asyncio.to_thread(reindex)
    assert (await client.get_collection()).name == "photos_1"


@pytest.mark.usefixtures("filled")
async def test_a_server_that_goes_away_is_waited_for(
    app: App, reindex: Reindex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was interrupted is done."""
    scan, failures = app._store.scan, iter(range(3))

    async def away_at_first(*args: object, **kwargs: object) -> object:
        if next(failures, None) is not None:
            raise StoreUnavailable("the store is away")
        return await scan(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(app._store, "scan", away_at_first)
    summary, _ = await asyncio.to_thread(reindex)
    assert (summary.items, summary.is_complete) == (10, True)


async def test_a_model_that_is_not_served_is_refused_before_anything_is_done(
    app: App, client: tihua.AsyncClient, folder: Path
) -> None:
    """The message says how it is served."""
    await client.create_collection()
    status, _, errors = await tihua_command(
        app, "collections", "reindex", "photos", folder, "--model", "ViT-B-16"
    )
    assert status == 1
    assert errors == (
        "Error: model ViT-B-16 is not served here; this server has tihua-tiny, small: start it "
        "with --also-model ViT-B-16 too\n"
    )
    assert (await client.get_collection()).aliases == ()
