"""A server as a process of its own, whose disk hangs at the write of one item.

python -m hung_disk_server FLAGS …
"""

import threading
from typing import Any
from unittest.mock import patch

import structlog
from fake_encoder import FakeEncoder
from milvus_lite.engine.collection import Collection
from tihua_server.cli import main

HANGS = "hangs"
"""The item's id."""

_insert = Collection.insert


def _insert_or_hang(self: Collection, records: list[dict[str, Any]], **kwargs: Any) -> object:
    if any(record.get("id") == HANGS for record in records):
        structlog.get_logger("tihua").info("hung")
        threading.Event().wait()
    return _insert(self, records, **kwargs)


if __name__ == "__main__":
    with (
        patch("tihua_server.app.load_encoders", return_value=[FakeEncoder()]),
        patch.object(Collection, "insert", _insert_or_hang),
    ):
        main()
