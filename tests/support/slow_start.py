"""A server as a process of its own, which never comes to the end of loading its model.

python -m slow_start FLAGS …
"""

import threading

import structlog
from server_command import main
from tihua_server.config import Config
from tihua_server.types import Encoder


def load_for_ever(config: Config) -> list[Encoder]:
    """Say that it has begun."""
    structlog.get_logger("tihua").info("loading")
    threading.Event().wait()
    return []


if __name__ == "__main__":
    main(load_for_ever)
