"""Calls of several parts: once one part has failed, the others are cancelled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from fake_encoder import FakeEncoder
from grpc import StatusCode, aio
from in_memory_store import InMemoryStore
from tihua.v1 import collection_service_pb2 as collections_pb
from tihua.v1 import search_service_pb2 as search_pb
from tihua.v1.collection_service_pb2_grpc import CollectionServiceStub
from tihua.v1.search_service_pb2_grpc import SearchServiceStub
from tihua_server.app import App
from tihua_server.call_store import SEARCHES_AT_ONCE
from tihua_server.collection import Collection, CollectionSpec, Index, IndexType
from tihua_server.config import Config
from tihua_server.errors import StoreError
from tihua_server.item import Hit
from tihua_server.rpc.collection_service import DESCRIBED_AT_ONCE
from tihua_server.rpc.entrance import Entrance
from tihua_server.search_params import SearchParams
from tihua_server.served_models import ServedModels
from tihua_server.telemetry.telemetry import Telemetry
from tihua_server.types import Encoder, FloatArray

PARTS = 10


class Unequal(InMemoryStore):
    """A store that answers one of the requests that it gets at a time, with an error.

    Attributes:
        waiting: number of requests that are waiting for an answer.
        searched: names of the collections that were searched.
    """

    def __init__(self, *specs: CollectionSpec) -> None:
        """Start with empty collections."""
        super().__init__(*specs)
        self.waiting = 0
        self.searched: list[str] = []

    async def describe(self, name: str) -> Collection:
        """Fail for the last of the first collections; never answer for the others."""
        if name == f"c{DESCRIBED_AT_ONCE - 1}":
            await self._others_wait(DESCRIBED_AT_ONCE - 1)
            raise StoreError("it can't be described")
        await self._no_answer()

    async def search(
        self, name: str, embeddings: FloatArray, params: SearchParams
    ) -> list[list[Hit]]:
        """Fail for the last of the first searches; never answer for the others."""
        self.searched.append(name)
        if len(self.searched) == SEARCHES_AT_ONCE:
            await self._others_wait(SEARCHES_AT_ONCE - 1)
            raise ZeroDivisionError
        await self._no_answer()

    async def _others_wait(self, count: int) -> None:
        while self.waiting < count:
            await asyncio.sleep(0)

    async def _no_answer(self) -> NoReturn:
        self.waiting += 1
        try:
            while True:
                await asyncio.Event().wait()
        finally:
            self.waiting -= 1


@pytest.fixture
def store() -> Unequal:
    """Ten collections."""
    info, index = FakeEncoder.info, Index(IndexType.FLAT)
    specs = [CollectionSpec(f"c{number}", info.ref, info.dim, index) for number in range(PARTS)]
    return Unequal(*specs)


@pytest.fixture
async def channel(store: Unequal, encoder: Encoder, tmp_path: Path) -> AsyncIterator[aio.Channel]:
    """A channel to a server with that store, without the client's retries."""
    config = Config(port=0, data_dir=tmp_path, drain_timeout_s=5)
    models = ServedModels([encoder], config)
    app = App(models, store, config, Telemetry(config), Entrance(config))
    await app.start()
    async with aio.insecure_channel(app.address) as opened:
        yield opened
    await app.stop()


async def test_a_listing_that_failed_describes_nothing_more(
    store: Unequal, channel: aio.Channel
) -> None:
    """The other calls would occupy threads of the store that searches need."""
    stub: Any = CollectionServiceStub(channel)
    with pytest.raises(aio.AioRpcError, match="can't be described"):
        await stub.ListCollections(collections_pb.ListCollectionsRequest())
    assert store.waiting == 0


async def test_a_search_of_many_that_met_a_bug_searches_no_more(
    store: Unequal, channel: aio.Channel
) -> None:
    """Nobody would get the results of the others."""
    term = search_pb.QueryTerm(text="马")
    queries = [
        search_pb.SearchRequest(collection=f"c{number}", terms=[term]) for number in range(PARTS)
    ]
    stub: Any = SearchServiceStub(channel)
    with pytest.raises(aio.AioRpcError) as failed:
        await stub.SearchMany(search_pb.SearchManyRequest(requests=queries))
    assert failed.value.code() is StatusCode.INTERNAL
    assert store.waiting == 0
    assert len(store.searched) < PARTS
