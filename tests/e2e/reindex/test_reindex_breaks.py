"""A server that goes away while a reindex runs, within its passes and between them."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
import tihua
from reindexing import EMBEDDED_ALONE, pictures, times
from tihua_server.app import App
from tihua_server.errors import StoreUnavailable
from tihua_server.milvus.store import Milvus

pytestmark = EMBEDDED_ALONE

CALL_ATTEMPTS = 4
"""How often a client tries one call, at most, within a second."""


def make_unsteady(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a method of the store fail at first for each set of arguments, after doing its work."""
    work, asked = getattr(Milvus, method), Counter[str]()

    async def unsteady(store: Milvus, *args: object, **kwargs: object) -> object:
        asked[repr(args)] += 1
        if asked[repr(args)] == 1:
            await work(store, *args, **kwargs)
        if asked[repr(args)] <= CALL_ATTEMPTS:
            raise StoreUnavailable("the store is away")
        return await work(store, *args, **kwargs)

    monkeypatch.setattr(Milvus, method, unsteady)


@pytest.mark.parametrize(
    "method", ["count", "create", "describe", "drop_alias", "get", "rename", "scan", "set_alias"]
)
async def test_a_server_that_goes_away_is_waited_for(
    app: App,
    client: tihua.AsyncClient,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    """This holds for every method, whether or not the call had an effect."""
    await client.create_collection()
    await client.upsert([tihua.Item(path.name, image=path) for path in pictures(folder)[:3]])
    breaks: list[tihua.TihuaError] = []

    def reindex() -> tihua.ReindexSummary:
        with tihua.Client(app.address) as blocking:
            return tihua.reindex(
                blocking,
                "photos",
                model="small",
                content=lambda item: folder / item.id,
                on_break=breaks.append,
            )

    with monkeypatch.context() as patched:
        make_unsteady(method, patched)
        await asyncio.to_thread(listed, app)
        summary = await asyncio.to_thread(reindex)

    assert {error.code for error in breaks} == {"UNAVAILABLE"}
    assert (summary.items, summary.written, summary.is_complete) == (3, 3, True)
    assert (await client.get_collection()).aliases == ("photos",)
    assert await times(client, "photos") == await times(client, summary.source)


def listed(app: App) -> None:
    """List the collections until that succeeds, because a reindex does not wait at its start."""
    with tihua.Client(app.address) as client:
        while True:
            try:
                client.list_collections()
            except tihua.UnavailableError:
                continue
            return
