"""A connection to a store, before anybody calls it."""

import subprocess
import sys
from pathlib import Path

import pytest

_OPENED = """
import asyncio
import sys
from pathlib import Path
from tihua_server.milvus_connection import MilvusConnection
from tihua_server.observer import Observer

async def main():
    connection = await MilvusConnection.open(
        Path(sys.argv[1]), token="", timeout_s=30.0, observer=Observer()
    )
    await connection.close()

asyncio.run(main())
print("scipy.sparse" in sys.modules)
"""


def test_the_first_calls_may_come_at_once(tmp_path: Path) -> None:
    """What pymilvus would import in all their threads, past the locks of imports, is there."""
    pytest.importorskip("scipy.sparse")
    opened = subprocess.run(
        [sys.executable, "-c", _OPENED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert opened.stdout == "True\n"
