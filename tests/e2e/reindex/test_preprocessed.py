"""`tihua ingest --preprocess client` while the alias is moved to another collection."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import tihua
from processes import run_tihua
from reindexing import EMBEDDED_ALONE, PICTURES
from tihua_server.app import App
from tihua_server.item import Item
from tihua_server.milvus.store import Milvus

pytestmark = EMBEDDED_ALONE


def move_after_the_first_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the store move `photos` from `photos_1` to `photos_2` after its first write."""
    upsert = Milvus.upsert

    async def upsert_and_move(store: Milvus, name: str, items: Sequence[Item]) -> None:
        await upsert(store, name, items)
        if name == "photos_1":
            await store.set_alias("photos", "photos_2")

    monkeypatch.setattr(Milvus, "upsert", upsert_and_move)


@pytest.mark.parametrize("model", ["tihua-tiny", "small"])
async def test_pictures_resized_for_the_old_model_are_not_sent_to_a_new_one(
    app: App,
    client: tihua.AsyncClient,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
) -> None:
    """The new model needs squares of another size; with the same model nothing changes."""
    await client.create_collection("photos_1")
    await client.create_collection("photos_2", model=model)
    await client.set_alias("photos", "photos_1")
    move_after_the_first_write(monkeypatch)

    command = ("ingest", folder, "-c", "photos", "--preprocess", "client")
    done = await asyncio.to_thread(run_tihua, *command, address=app.address)

    written = [await client.count_items(collection=f"photos_{number}") for number in (1, 2)]
    assert written[0] > 0
    if model == "small":
        assert (done.returncode, written[1]) == (1, 0)
        assert "the name leads to a collection of small now" in done.stderr
    else:
        assert (done.returncode, sum(written)) == (0, PICTURES)


async def test_nothing_is_written_to_a_collection_of_another_model_than_was_named(
    client: tihua.AsyncClient,
) -> None:
    """The alias is moved between two batches, with nothing in flight."""
    await client.create_collection("photos_1")
    await client.create_collection("photos_2", model="small")
    await client.set_alias("photos", "photos_1")

    async def items() -> AsyncIterator[tihua.Item]:
        yield tihua.Item("before", text="马")
        while await client.count_items(collection="photos_1") == 0:
            pass
        await client.set_alias("photos", "photos_2")
        yield tihua.Item("behind", text="马")

    with pytest.raises(tihua.FailedPreconditionError) as refused:
        await client.ingest(items(), batch_size=1, model="tihua-tiny")

    assert refused.value.reason == "MODEL_MISMATCH"
    assert await client.count_items(collection="photos_1") == 1
    assert await client.count_items(collection="photos_2") == 0
