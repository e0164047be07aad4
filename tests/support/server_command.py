"""The `tihua-server` command around models of a test's own, for modules that `python -m` runs."""

from collections.abc import Callable, Sequence
from typing import Any

import click
from tihua_server.cli import run_server
from tihua_server.config import Config
from tihua_server.options import config_of, config_options
from tihua_server.types import Encoder


def main(load: Callable[[Config], Sequence[Encoder]]) -> None:
    """Parse the flags of serving, and serve the models that `load` returns."""

    @click.command()
    @config_options
    def command(**knobs: Any) -> None:
        run_server(config_of(**knobs), load=load)

    command()
