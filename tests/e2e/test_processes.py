"""Test servers that don't stop."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tihua
from processes import ServerFailed, running
from stuck_server import STUCK


def test_a_server_that_does_not_stop_says_where_it_hangs_and_is_gone(tmp_path: Path) -> None:
    """It fails its own test, and leaves no process behind."""
    with (
        ThreadPoolExecutor(1) as caller,
        pytest.raises(ServerFailed, match=r"does not stop within 0.5 s:\n(.|\n)*encode_texts"),
        running(tmp_path, stop_timeout_s=0.5, module="stuck_server") as server,
        tihua.Client(server.address) as client,
    ):
        caller.submit(client.embed_text, STUCK, timeout=60)
        while "stuck" not in [entry["event"] for entry in server.log]:
            client.server_info()
    assert server.process.returncode is not None
