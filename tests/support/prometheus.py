"""Debian's Prometheus as a process, reading one server as `deploy/prometheus` says."""

import contextlib
import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dashboard import PROMETHEUS
from free_port import free_port

TARGET, INTERVAL = "localhost:9464", "15s"
"""Values in the committed file, which tests replace."""


class Prometheus:
    """A running Prometheus; see `reading`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self._url = f"http://127.0.0.1:{port}/api/v1/"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def answers(self, query: str) -> list[Any]:
        """Return the result of a query; empty while Prometheus does not listen yet."""
        assert self._process.poll() is None, "Prometheus has ended"
        url = f"{self._url}query?{urllib.parse.urlencode({'query': query})}"
        try:
            with self._opener.open(url, timeout=10) as response:
                found: list[Any] = json.load(response)["data"]["result"]
        except (ConnectionError, urllib.error.URLError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code != 503:
                raise
            return []
        # Prometheus answers 0/0 with NaN, which is no data.
        return [sample for sample in found if sample["value"][1] != "NaN"]


@contextlib.contextmanager
def reading(metrics_address: str, folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes a server twice a second."""
    text = (PROMETHEUS / "prometheus.yml").read_text()
    assert TARGET in text
    assert INTERVAL in text
    config = folder / "prometheus.yml"
    config.write_text(text.replace(TARGET, metrics_address).replace(INTERVAL, "500ms"))
    shutil.copy(PROMETHEUS / "tihua.rules.yml", folder)
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:
        try:
            yield Prometheus(process, port)
        finally:
            process.kill()
