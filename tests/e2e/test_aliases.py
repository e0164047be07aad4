"""Aliases through the services: searching and writing under a name while it is moved."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import tihua
from fake_encoder import FakeEncoder
from held_encoder import HeldEncoder
from in_process import serving
from processes import run_tihua
from second_encoder import SecondEncoder
from tihua_server.app import App
from tihua_server.config import Config


@pytest.fixture
def held() -> HeldEncoder:
    """The first model, which can be held up."""
    return HeldEncoder(FakeEncoder())


@pytest.fixture
async def app(tmp_path: Path, held: HeldEncoder) -> AsyncIterator[App]:
    """A server of two models."""
    config = Config(port=0, data_dir=tmp_path, drain_timeout_s=5)
    async with serving(held, config, SecondEncoder()) as running:
        yield running


@pytest.fixture
async def client(app: App) -> AsyncIterator[tihua.AsyncClient]:
    """A client, with a collection of each model, and an alias of the first."""
    async with tihua.AsyncClient(app.address, collection="photos") as opened:
        for name, model in (("photos_1", "fake"), ("photos_2", "second")):
            await opened.create_collection(name, model=model, index="FLAT")
            items = [tihua.Item(f"{name} {number}", text="马") for number in range(3)]
            await opened.upsert(items, collection=name)
        assert await opened.set_alias("photos", "photos_1") == tihua.AliasMove("", 0)
        yield opened


async def ids(client: tihua.AsyncClient, collection: str) -> set[str]:
    """Return the ids of a collection."""
    return {item.id async for item in client.list_items(collection=collection)}


async def test_an_alias_stands_wherever_a_collection_is_named(client: tihua.AsyncClient) -> None:
    """Collections and items, search and ingest."""
    await client.ingest([tihua.Item("a", text="桥")])
    await client.upsert([tihua.Item("b", text="山")])
    assert (await client.search(text="桥", limit=1))[0].id == "a"
    assert [item.id for item in await client.get_items(["b"])] == ["b"]
    assert await client.delete_items(["a", "b"]) == 2
    assert await client.count_items() == 3
    await client.release_collection()
    await client.load_collection()
    collection = await client.get_collection()
    assert (collection.name, collection.aliases) == ("photos_1", ("photos",))
    assert [each.name for each in await client.list_collections()] == ["photos_1", "photos_2"]


async def test_who_searches_by_an_alias_while_it_moves_finds_one_collection_or_the_other(
    client: tihua.AsyncClient,
) -> None:
    """Searches never fail, and never use the model of the other collection."""
    models = {"photos_1": "fake", "photos_2": "second"}
    seen: list[str] = []
    is_done = asyncio.Event()

    async def search() -> None:
        while not is_done.is_set():
            result = await client.search(text="马", limit=3)
            [found] = {hit.id.split()[0] for hit in result}
            assert len(result) == 3
            assert result[0].score == pytest.approx(1, abs=1e-5)
            assert result.model.id == models[found]
            seen.append(found)

    searching = [asyncio.create_task(search()) for _ in range(4)]
    for number in range(12):
        known = len(seen)
        while len(seen) < known + 4:
            assert not any(task.done() for task in searching)
            await asyncio.sleep(0.001)
        target, previous = ("photos_2", "photos_1")[:: 1 if number % 2 == 0 else -1]
        assert (await client.set_alias("photos", target)).previous == previous
    is_done.set()
    await asyncio.gather(*searching)
    assert set(seen) == set(models)


Write = Callable[[tihua.AsyncClient], Coroutine[Any, Any, object]]


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda client: client.upsert([tihua.Item("x", text="忙")]), id="upsert"),
        pytest.param(lambda client: client.ingest([tihua.Item("x", text="忙")]), id="ingest"),
    ],
)
async def test_what_is_written_while_the_alias_moves_is_written_where_it_leads(
    client: tihua.AsyncClient, held: HeldEncoder, write: Write
) -> None:
    """It is embedded by that collection's model; nothing is lost or written to the other."""
    held.has_begun.clear()
    held.may_go_on.clear()
    writing = asyncio.create_task(write(client))
    assert await asyncio.to_thread(held.has_begun.wait, 60)
    await client.set_alias("photos", "photos_2")
    held.may_go_on.set()
    await writing
    hit = (await client.search(text="忙", limit=1))[0]
    assert hit.id == "x"
    assert hit.score == pytest.approx(1, abs=1e-5)
    assert "x" in await ids(client, "photos_2")
    assert "x" not in await ids(client, "photos_1")


async def test_an_open_stream_goes_where_the_alias_leads(client: tihua.AsyncClient) -> None:
    """The alias moves between two batches of one stream; all items are counted."""

    async def items() -> AsyncIterator[tihua.Item]:
        yield tihua.Item("before", text="桥")
        while "before" not in await ids(client, "photos_1"):
            await asyncio.sleep(0.01)
        await client.set_alias("photos", "photos_2")
        yield tihua.Item("after", text="山")

    summary = await client.ingest(items(), batch_size=1)
    assert (summary.written, summary.failed) == (2, 0)
    assert "before" in await ids(client, "photos_1")
    assert "after" in await ids(client, "photos_2")


async def test_the_pages_of_a_search_are_of_one_collection(client: tihua.AsyncClient) -> None:
    """A page token of one collection is invalid for the other."""
    first = await client.search(text="马", limit=2)
    await client.set_alias("photos", "photos_2")
    with pytest.raises(tihua.InvalidRequestError, match="leads to photos_2 now") as refused:
        await client.search(text="马", limit=2, page_token=first.next_page_token)
    assert refused.value.reason == "WRONG_PAGE_TOKEN"


async def test_the_pages_of_a_list_are_of_one_collection(client: tihua.AsyncClient) -> None:
    """All come from the collection of the first page, or fail once its name leads elsewhere."""
    pages = client.list_items(page_size=1)
    found = [(await anext(pages)).id]
    await client.set_alias("photos", "photos_2")
    found += [item.id async for item in pages]
    assert found == ["photos_1 0", "photos_1 1", "photos_1 2"]

    pages = client.list_items(collection="photos_1", page_size=1)
    await anext(pages)
    await client.rename_collection("photos_1", "photos_3", keep_alias=True)
    with pytest.raises(tihua.InvalidRequestError, match="leads to photos_3 now") as refused:
        await anext(pages)
    assert refused.value.reason == "WRONG_PAGE_TOKEN"


async def test_the_pages_of_a_list_end_when_its_collection_is_renamed(
    client: tihua.AsyncClient,
) -> None:
    """By an alias, which leads to it still: the error is about the token, and not the alias."""
    pages = client.list_items(page_size=1)
    await anext(pages)
    await client.rename_collection("photos_1", "photos_3", keep_alias=False)
    with pytest.raises(tihua.InvalidRequestError, match="photos leads to photos_3 now") as refused:
        await anext(pages)
    assert refused.value.reason == "WRONG_PAGE_TOKEN"


async def test_a_name_means_one_thing(client: tihua.AsyncClient) -> None:
    """A collection can't take the name of an alias, nor an alias that of a collection."""
    with pytest.raises(tihua.AlreadyExistsError):
        await client.create_collection("photos")
    with pytest.raises(tihua.AlreadyExistsError):
        await client.set_alias("photos_2", "photos_1")
    with pytest.raises(tihua.InvalidRequestError, match="alias 'my photos' must be"):
        await client.set_alias("my photos", "photos_1")
    with pytest.raises(tihua.InvalidRequestError, match="new_name '1' must be"):
        await client.rename_collection("photos_1", "1")


async def test_a_collection_with_an_alias_is_not_deleted(client: tihua.AsyncClient) -> None:
    """The error names the alias; deleting by the alias fails too."""
    with pytest.raises(tihua.FailedPreconditionError, match="has the aliases photos:") as refused:
        await client.delete_collection("photos_1")
    assert refused.value.reason == "COLLECTION_HAS_ALIASES"
    with pytest.raises(tihua.FailedPreconditionError, match="alias of the collection 'photos_1'"):
        await client.delete_collection("photos")
    await client.delete_alias("photos")
    with pytest.raises(tihua.NotFoundError):
        await client.delete_alias("photos")
    await client.delete_collection("photos_1")


async def test_a_renamed_collection_is_found_by_both_names(client: tihua.AsyncClient) -> None:
    """The old name may stay as an alias; the model and other aliases are kept."""
    await client.rename_collection("photos_1", "photos_fake", keep_alias=True)
    collection = await client.get_collection("photos_1")
    assert (collection.name, collection.aliases) == ("photos_fake", ("photos", "photos_1"))
    assert len(await client.search(text="马")) == 3
    assert len(await client.search(text="马", collection="photos_1")) == 3


async def test_the_command_line_names_collections(app: App, client: tihua.AsyncClient) -> None:
    """The commands alias, rename and unalias work, and the list shows the aliases."""

    async def run(*arguments: str) -> str:
        done = await asyncio.to_thread(run_tihua, *arguments, address=app.address)
        return done.stdout + done.stderr

    assert await run("collections", "alias", "photos", "photos_2") == (
        "photos leads to photos_2, and no longer to photos_1\n"
    )
    assert await run("collections", "alias", "best", "photos") == "best leads to photos_2\n"
    rows = (await run("collections", "list")).splitlines()
    assert rows[2].split()[:3] == ["photos_2", "best,", "photos"]
    assert await run("collections", "rename", "photos_1", "old") == "renamed photos_1 to old\n"
    assert await run("collections", "delete", "photos_2") == (
        "Error: the collection 'photos_2' has the aliases best, photos: point them elsewhere, or "
        "delete them first\n"
    )
    assert await run("collections", "unalias", "best") == "deleted the alias best\n"
    assert (await client.get_collection("photos_2")).aliases == ("photos",)
