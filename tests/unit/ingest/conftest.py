"""An ingester with a store of the test's own and the fake model."""

from collections.abc import AsyncIterator

import pytest
from ingest_streams import Shelf, ingester_of
from tihua_server.config import Config
from tihua_server.ingest.ingester import Ingester
from tihua_server.served_models import ServedModels
from tihua_server.types import Encoder


@pytest.fixture
def shelf() -> Shelf:
    """An empty store."""
    return Shelf()


@pytest.fixture
async def models(encoder: Encoder) -> AsyncIterator[ServedModels]:
    """The fake model behind its door."""
    served = ServedModels(
        [encoder], Config(max_batch_size=8, max_queue_size=64, preprocess_threads=1)
    )
    yield served
    await served.close()


@pytest.fixture
def ingester(models: ServedModels, shelf: Shelf) -> Ingester:
    """An ingester whose streams may have four batches in flight."""
    return ingester_of(models, shelf)
