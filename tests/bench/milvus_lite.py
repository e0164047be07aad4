"""A Milvus Lite server in a process of its own, which our server and pymilvus can both reach."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from free_port import HOST, free_port
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

START_TIMEOUT_S = 60.0


@contextlib.contextmanager
def milvus_lite() -> Iterator[tuple[str, MilvusClient]]:
    """Run the server on an empty store; yield its address and a client.

    Raises:
        MilvusException: it does not answer within `START_TIMEOUT_S`.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tihua-bench-") as folder:
        command = [str(Path(sys.executable).with_name("milvus-lite")), "server"]
        command += ["--data-dir", folder, "--host", HOST, "--port", str(port)]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                address = f"http://{HOST}:{port}"
                with contextlib.closing(_connected(address)) as client:
                    yield address, client
            finally:
                process.terminate()


def _connected(address: str) -> MilvusClient:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            return MilvusClient(address, timeout=5)
        except MilvusException:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.2)
