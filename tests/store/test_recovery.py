"""An embedded store that was killed during a rename, or has files that can't be read."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import grpc
import pytest
from milvus_lite import db
from structlog.testing import capture_logs
from tihua_server.collection import CollectionSpec
from tihua_server.errors import (
    AlreadyExists,
    CollectionDamaged,
    NotFound,
    ServiceError,
    StoreError,
    StoreFull,
)
from tihua_server.item import Item
from tihua_server.milvus import directory
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import SearchParams
from tihua_server.types import FloatArray

Spec = Callable[..., CollectionSpec]


@pytest.fixture
async def photos(lite: Milvus, spec: Spec, embeddings: FloatArray) -> str:
    """Return the name of a collection of one item, with the alias `pictures`."""
    created = spec()
    await lite.create(created)
    await lite.upsert(created.name, [Item("a", embeddings[0])])
    await lite.set_alias("pictures", created.name)
    return created.name


async def aliases(store: Milvus, name: str) -> tuple[str, ...]:
    """Return the names that lead to a collection."""
    return (await store.describe(name)).aliases


@pytest.mark.parametrize("files_written", range(3))
async def test_a_rename_that_was_cut_short_is_completed(
    lite: Milvus,
    photos: str,
    embeddings: FloatArray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files_written: int,
) -> None:
    """A kill before any of the files that Milvus Lite writes after it has moved the directory."""
    kept: list[Path] = []

    def keeping(write: Callable[..., None]) -> Callable[..., None]:
        def keep_and_write(*args: object) -> None:
            kept.append(tmp_path / f"killed_{len(kept)}")
            shutil.copytree(tmp_path / "milvus", kept[-1])
            write(*args)

        return keep_and_write

    monkeypatch.setattr(db, "save_schema", keeping(db.save_schema))
    monkeypatch.setattr(db.MilvusLite, "_save_aliases", keeping(db.MilvusLite._save_aliases))
    await lite.rename(photos, "photos_1", keeps_alias=True)
    monkeypatch.undo()

    store = await Milvus.open(kept[files_written])

    assert await store.names() == ["photos_1"]
    assert await aliases(store, "photos_1") == tuple(sorted(["pictures", photos]))
    [[hit]] = await store.search("pictures", embeddings[:1], SearchParams(1))
    assert hit.item.id == "a"
    await store.close()


async def test_a_rename_that_had_not_begun_is_not_made(
    lite: Milvus, photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill before the directory is moved leaves everything as it was, whatever comes later."""
    killed = tmp_path / "killed"
    rename = lite.connection.client.rename_collection

    def rename_kept(*args: object, **kwargs: object) -> None:
        shutil.copytree(tmp_path / "milvus", killed)
        rename(*args, **kwargs)

    monkeypatch.setattr(lite.connection.client, "rename_collection", rename_kept)
    await lite.rename(photos, "photos_1", keeps_alias=True)

    store = await Milvus.open(killed)
    assert await store.names() == [photos]
    await store.rename(photos, "photos_2", keeps_alias=False)
    await store.close()
    store = await Milvus.open(killed)
    assert await store.names() == ["photos_2"]
    assert await aliases(store, "photos_2") == ("pictures",)
    await store.close()


async def test_a_full_disk_refuses_a_rename(
    lite: Milvus, photos: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collection keeps its name and its alias."""
    monkeypatch.setattr(directory, "MIN_FREE_BYTES", 2**60)

    with pytest.raises(StoreFull, match="make room"):
        await lite.rename(photos, "photos_1", keeps_alias=False)

    assert await lite.names() == [photos]
    assert await aliases(lite, photos) == ("pictures",)


@pytest.mark.parametrize(
    ("error", "expected"),
    [(OSError(28, "No space left on device"), StoreFull), (ValueError("a bug"), StoreError)],
    ids=["full disk", "bug"],
)
async def test_a_rename_that_fails_halfway_leaves_no_alias_behind(
    lite: Milvus,
    photos: str,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    expected: type[ServiceError],
) -> None:
    """The directory is reopened, which completes the rename."""
    with monkeypatch.context() as failing:
        failing.setattr(db, "save_schema", Mock(side_effect=error))
        with pytest.raises(expected):
            await lite.rename(photos, "photos_1", keeps_alias=False)

    assert await lite.names() == ["photos_1"]
    assert await aliases(lite, "photos_1") == ("pictures",)


async def test_a_rename_that_failed_is_not_completed_later(
    lite: Milvus, photos: str, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then its names may be those of other collections."""
    with monkeypatch.context() as failing:
        failing.setattr(
            lite.connection.client, "rename_collection", Mock(side_effect=grpc.RpcError)
        )
        with pytest.raises(StoreError):
            await lite.rename(photos, "photos_1", keeps_alias=True)
    await lite.drop_alias("pictures")
    await lite.drop(photos)
    await lite.create(replace(spec(), name="photos_1"))
    await lite.close()

    store = await Milvus.open(tmp_path / "milvus")

    assert await aliases(store, "photos_1") == ()
    await store.close()


async def test_an_alias_that_leads_nowhere_is_led_elsewhere_or_removed(
    lite: Milvus, photos: str, spec: Spec, tmp_path: Path
) -> None:
    """Its name is taken until then: a collection of it could not be reached."""
    created = spec()
    await lite.create(created)
    for alias in ("first", "second"):
        await lite.set_alias(alias, created.name)
    shutil.rmtree(tmp_path / "milvus" / "collections" / created.name)
    assert lite.connection.lite_server is not None
    lite.connection.lite_server._database._collections.pop(("default", created.name)).close()

    with pytest.raises(AlreadyExists, match="first"):
        await lite.create(replace(created, name="first"))
    assert await lite.set_alias("first", photos) == created.name
    await lite.drop_alias("second")

    assert await aliases(lite, photos) == ("first", "pictures")
    await lite.create(replace(created, name="second"))


async def test_an_alias_that_leads_nowhere_is_gone_after_a_start(
    lite: Milvus, photos: str, tmp_path: Path
) -> None:
    """Aliases that lead somewhere stay."""
    await lite.close()
    path = tmp_path / "milvus" / "aliases.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "nowhere": "gone"}))

    store = await Milvus.open(tmp_path / "milvus")

    assert await aliases(store, photos) == ("pictures",)
    with pytest.raises(NotFound):
        await store.drop_alias("nowhere")
    await store.close()


@pytest.mark.parametrize("content", ["", "{}", "[]"])
async def test_a_damaged_collection_does_not_keep_the_others_from_being_used(
    lite: Milvus,
    photos: str,
    spec: Spec,
    embeddings: FloatArray,
    tmp_path: Path,
    content: str,
) -> None:
    """The log names it at the start, and so does the error of each call that names it."""
    other = spec().name
    await lite.rename(photos, other, keeps_alias=False)
    broken = spec()
    await lite.create(broken)
    await lite.close()
    schema = tmp_path / "milvus" / "collections" / broken.name / "schema.json"
    schema.write_text(content)

    with capture_logs() as lines:
        store = await Milvus.open(tmp_path / "milvus")

    assert [(line["event"], line["collection"]) for line in lines] == [
        ("collection not loaded", broken.name)
    ]
    assert await store.names() == [other]
    [[hit]] = await store.search("pictures", embeddings[:1], SearchParams(1))
    assert hit.item.id == "a"
    for ask in (store.describe(broken.name), store.drop(broken.name)):
        with pytest.raises(CollectionDamaged, match=f"'{broken.name}' are damaged.*restore"):
            await ask
    await store.close()


async def test_damaged_aliases_do_not_keep_collections_from_being_used(
    lite: Milvus, photos: str, tmp_path: Path
) -> None:
    """They are lost, and can be made again; the log says where their file is now."""
    await lite.close()
    (tmp_path / "milvus" / "aliases.json").write_text("")

    with capture_logs() as lines:
        store = await Milvus.open(tmp_path / "milvus")

    assert [line["kept_as"] for line in lines] == [str(tmp_path / "milvus/aliases.json.damaged")]
    assert await aliases(store, photos) == ()
    await store.set_alias("pictures", photos)
    await store.close()
