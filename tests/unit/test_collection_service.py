"""What listing collections asks of the store; in memory, with the fake model."""

import asyncio
from typing import Any

from fake_encoder import FakeEncoder
from in_memory_store import InMemoryStore
from tihua.v1 import collection_service_pb2 as pb
from tihua_server.collection import Collection, CollectionSpec, Index, IndexType
from tihua_server.config import Config
from tihua_server.ingest.writer import Writer
from tihua_server.rpc.collection_service import DESCRIBED_AT_ONCE, CollectionService
from tihua_server.served_models import ServedModels


class SlowStore(InMemoryStore):
    """Describes a collection only when every other task has had its turn; counts those at it."""

    most = now = 0

    async def describe(self, name: str) -> Collection:
        """Return a collection, after a while."""
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(5):
            await asyncio.sleep(0)
        self.now -= 1
        return await super().describe(name)


async def test_a_long_list_leaves_the_store_to_others(encoder: FakeEncoder) -> None:
    """However many collections there are, only a few are looked at in the store at one time."""
    config = Config()
    index = Index(IndexType.FLAT)
    names = [f"c{number:02}" for number in range(50)]
    store = SlowStore(
        *(CollectionSpec(name, encoder.info.ref, encoder.info.dim, index) for name in names)
    )
    models = ServedModels([encoder], config)
    service = CollectionService(models, store, Writer(models, store, config.limits), config.limits)
    context: Any = None
    answer = await service.ListCollections(pb.ListCollectionsRequest(), context)
    await models.close()
    assert [entry.name for entry in answer.collections] == names
    assert store.most == DESCRIBED_AT_ONCE
