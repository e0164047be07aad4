"""A server in the test's own process, around models of the test's own."""

import contextlib
from collections.abc import AsyncIterator

from tihua_server.app import App
from tihua_server.config import Config
from tihua_server.milvus import Milvus
from tihua_server.served_models import ServedModels
from tihua_server.telemetry import Telemetry
from tihua_server.types import Encoder


@contextlib.asynccontextmanager
async def serving(encoder: Encoder, config: Config, *others: Encoder) -> AsyncIterator[App]:
    """Run a server, its store at `config.milvus_uri` or else in `config.data_dir`."""
    telemetry = Telemetry(config)
    store = await Milvus.open(config.milvus_uri or config.data_dir, observer=telemetry.observer)
    models = ServedModels([encoder, *others], config, telemetry.observer)
    app = App(models, store, config, telemetry)
    try:
        await app.start()
        yield app
    finally:
        await app.stop()
