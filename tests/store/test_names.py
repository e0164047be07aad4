"""Names that no collection can have: they lead nowhere, least of all to files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tihua_server.collection import CollectionSpec
from tihua_server.errors import NotFound
from tihua_server.item import Item
from tihua_server.milvus.flusher import MAX_UNFLUSHED_ROWS
from tihua_server.milvus.store import Milvus
from tihua_server.search_params import Fields, Filter, SearchParams
from tihua_server.types import FloatArray
from tihua_server.vector_store import VectorStore


@pytest.mark.parametrize(
    "form",
    [
        "",
        "{}/",
        "./{}",
        "../collections/{}",
        "/{}",
        "{}\0",
        "{}\n",
        "1{}",
        "{} ",
        "题{}",
        "x" * 256,
    ],
)
async def test_a_name_that_none_can_have_leads_nowhere(
    store: VectorStore, name: str, embeddings: FloatArray, form: str
) -> None:
    """No call finds it, however close the name is to an existing one."""
    wrong = form.format(name)
    await store.upsert(name, [Item("a", embeddings[0])])

    for call in (
        store.spec(wrong),
        store.spec(wrong, is_fresh=True),
        store.describe(wrong),
        store.get(wrong, ["a"], Fields()),
        store.scan(wrong, where=Filter(), limit=1, fields=Fields()),
        store.count(wrong, Filter()),
        store.search(wrong, embeddings[:1], SearchParams(1)),
        store.upsert(wrong, [Item("b", embeddings[1])]),
        store.delete(wrong, ["a"]),
        store.delete_where(wrong, Filter()),
        store.load(wrong),
        store.release(wrong),
        store.build_index(wrong, None),
        store.rename(wrong, f"{name}_new", keeps_alias=False),
        store.set_alias(f"{name}_alias", wrong),
        store.drop_alias(wrong),
        store.drop(wrong),
    ):
        with pytest.raises(NotFound):
            await call
    assert await store.count(name, Filter()) == 1


async def test_a_slash_too_many_costs_no_items(
    tmp_path: Path, spec: Callable[..., CollectionSpec], embeddings: FloatArray
) -> None:
    """Items written after a call for `name/` are there after a restart."""
    asked = replace(spec(), name="pictures")
    count = MAX_UNFLUSHED_ROWS + 1
    store = await Milvus.open(tmp_path / "milvus")
    await store.create(asked)
    await store.upsert("pictures", [Item("first", embeddings[0])])
    with pytest.raises(NotFound):
        await store.describe("pictures/")
    await store.upsert("pictures", [Item(str(n), embeddings[n % 300]) for n in range(count)])
    await store.close()

    store = await Milvus.open(tmp_path / "milvus")
    assert await store.count("pictures", Filter()) == count + 1
    await store.close()


async def test_a_path_leads_to_no_collection_of_another_store(
    tmp_path: Path, lite: Milvus, spec: Callable[..., CollectionSpec], embeddings: FloatArray
) -> None:
    """That collection is not read, and its files are not removed."""
    other = await Milvus.open(tmp_path / "other")
    await other.create(replace(spec(), name="secret"))
    await other.upsert("secret", [Item("a", embeddings[0])])
    await other.close()
    [path] = {found.parent for found in (tmp_path / "other").rglob("schema.json")}
    files = sorted(tmp_path.joinpath("other").rglob("*"))

    for call in (lite.describe(str(path)), lite.drop(str(path))):
        with pytest.raises(NotFound):
            await call
    assert sorted(tmp_path.joinpath("other").rglob("*")) == files
