"""A server as a process of its own, whose disk hangs at the write of one item, or flushing another.

python -m hung_disk_server FLAGS …
"""

import threading
from typing import Any
from unittest.mock import patch

import structlog
from fake_encoder import FakeEncoder
from milvus_lite.engine.collection import Collection
from server_command import main

HANGS = "hangs"
"""Id of the item that is never written."""

HANGS_LATER = "hangs later"
"""Id of one that is written; what is flushed after it is not."""

_insert, _flush = Collection.insert, Collection.flush
_hangs_later = threading.Event()


def _insert_or_hang(self: Collection, records: list[dict[str, Any]], **kwargs: Any) -> object:
    ids = [record.get("id") for record in records]
    if HANGS in ids:
        _hang()
    if HANGS_LATER in ids:
        _hangs_later.set()
    return _insert(self, records, **kwargs)


def _flush_or_hang(self: Collection) -> None:
    if _hangs_later.is_set():
        _hang()
    _flush(self)


def _hang() -> None:
    structlog.get_logger("tihua").info("hung")
    threading.Event().wait()


if __name__ == "__main__":
    with (
        patch.object(Collection, "insert", _insert_or_hang),
        patch.object(Collection, "flush", _flush_or_hang),
    ):
        main(lambda _: [FakeEncoder()])
