"""A server as a process of its own, which never comes to the end of loading its model.

python -m slow_start FLAGS …
"""

import threading
from unittest.mock import patch

import structlog
from tihua_server.cli import main
from tihua_server.config import Config
from tihua_server.types import Encoder


def load_for_ever(config: Config) -> list[Encoder]:
    """Say that it has begun."""
    structlog.get_logger("tihua").info("loading")
    threading.Event().wait()
    return []


if __name__ == "__main__":
    with patch("tihua_server.app.load_encoders", load_for_ever):
        main()
