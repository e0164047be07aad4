"""A server with two models, and a folder of pictures to be embedded by both."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import tihua
from in_process import serving
from processes import GALLERY
from reindexing import LONG_AGO, PICTURES, Done, Reindex, pictures
from small_clip import small_encoder
from tihua_server.app import App
from tihua_server.clip.loading import load_encoder
from tihua_server.config import Config, Limits
from tihua_server.types import Encoder


@pytest.fixture(scope="session")
def models(small_cache: Path) -> tuple[Encoder, Encoder]:
    """The packaged model, and a small Chinese-CLIP with random weights."""
    return load_encoder(Config()), small_encoder(small_cache)


@pytest.fixture(params=["embedded", pytest.param("milvus", marks=pytest.mark.milvus)])
async def app(
    request: pytest.FixtureRequest, tmp_path: Path, models: tuple[Encoder, Encoder]
) -> AsyncIterator[App]:
    """A server with both; its store is embedded, or a Milvus server in `make test-milvus`.

    The variant `small` accepts eight items per call.
    """
    uri = request.getfixturevalue("milvus_uri") if request.param == "milvus" else ""
    limits = Limits(max_batch_items=8, max_page_size=8) if request.param == "small" else Limits()
    config = Config(
        port=0, data_dir=tmp_path / "data", milvus_uri=uri, drain_timeout_s=5, limits=limits
    )
    tiny, small = models
    async with serving(tiny, config, small) as running:
        yield running
        # A Milvus server outlives the test, whose collections always have the same names.
        async with tihua.AsyncClient(running.address) as client:
            for collection in await client.list_collections():
                if collection.name.startswith("photos"):
                    for alias in collection.aliases:
                        await client.delete_alias(alias)
                    await client.delete_collection(collection.name)


@pytest.fixture
async def client(app: App) -> AsyncIterator[tihua.AsyncClient]:
    """A client with the default collection `photos`."""
    async with tihua.AsyncClient(app.address, collection="photos") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of pictures: `000.jpg`, `001.jpg` and so on."""
    made = tmp_path / "photos"
    made.mkdir()
    for number, path in enumerate(sorted(GALLERY.glob("*.jpg"))[:PICTURES]):
        shutil.copy(path, made / f"{number:03}.jpg")
    return made


@pytest.fixture
def reindex(app: App, folder: Path) -> Iterator[Reindex]:
    """Runs a reindex of `photos`, as a program would.

    `meanwhile` is called at the start of each stage, and `reading` before the content of an item is
    read; it may return other content.
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
    """A collection of ten pictures, written long ago, with the alias `photos`."""
    await client.create_collection("photos_1")
    await client.set_alias("photos", "photos_1")
    paths = pictures(folder)[:10]
    await client.upsert([tihua.Item(path.name, image=path, update_time=LONG_AGO) for path in paths])
