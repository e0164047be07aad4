"""A server in the test's own process, around models of the test's own."""

from contextlib import AbstractAsyncContextManager

from tihua_server import app
from tihua_server.config import Config
from tihua_server.types import Encoder


def serving(
    encoder: Encoder, config: Config, *others: Encoder
) -> AbstractAsyncContextManager[app.App]:
    """Run a server, its store at `config.milvus_uri` or else in `config.data_dir`."""
    return app.serving(config, load=lambda _: [encoder, *others])
