"""A web page in a real browser calls the server by gRPC-Web, with generated stubs."""

import functools
import http.server
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tihua
from envoy_gateway import Gateway, gateway_to
from needs import need
from processes import GALLERY, ServerProcess

pytestmark = pytest.mark.gateway

PAGE = Path(__file__).parent / "browser"

# Chromium itself must not use the network.
CHROMIUM = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Site(http.server.ThreadingHTTPServer):
    """Serves the page; what the page reports is put into `outcomes`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Visit, directory=str(folder)))
        self.outcomes: queue.SimpleQueue[Any] = queue.SimpleQueue()


class Visit(http.server.SimpleHTTPRequestHandler):
    """One request of the browser."""

    server: Site

    def do_POST(self) -> None:
        """Receive the outcome."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.outcomes.put(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The built page, served on a separate port."""
    need("chromium", "npm")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for step in (["install", "--silent", "--no-audit", "--no-fund"], ["run", "--silent", "build"]):
        subprocess.run(["npm", *step], cwd=PAGE, env=environment, check=True)
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(PAGE / "index.html", folder)
    shutil.copy(PAGE / "out" / "page.js", folder)
    shutil.copy(min(GALLERY.glob("*.jpg")), folder / "picture.jpg")
    with Site(folder) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield served
        served.shutdown()


@pytest.fixture(scope="module")
def gateway(
    site: Site, server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway that allows that page when it is served from 127.0.0.1."""
    folder = tmp_path_factory.mktemp("gateway")
    origin = f"http://127.0.0.1:{site.server_port}"
    with gateway_to(server.address, folder, origins=origin) as opened:
        yield opened


def outcome(site: Site, page: str, profile: Path) -> Any:
    """Return what the page reports after its calls."""
    command = [*CHROMIUM, f"--user-data-dir={profile}", page]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as browser:
        try:
            return site.outcomes.get(timeout=120)
        finally:
            browser.terminate()


def test_a_page_embeds_writes_and_finds(
    site: Site, gateway: Gateway, server: ServerProcess, tmp_path: Path
) -> None:
    """A page gets the same embedding as the Python client, finds its picture, reads an error."""
    address = f"http://127.0.0.1:{site.server_port}/?gateway={gateway.url}&collection=of_a_page"
    shown = outcome(site, address, tmp_path)
    with tihua.Client(server.address) as client:
        expected = client.embed_text("夕阳西下")
    assert np.array_equal(np.array(shown["embedding"], np.float32), expected)
    [hit] = shown["hits"]
    assert hit["id"] == "picture"
    assert hit["score"] == pytest.approx(1, abs=1e-4)
    error = {"code": "NotFound", "message": "there is no collection 'none_such'"}
    assert shown["error"] == error


def test_a_page_of_another_origin_is_kept_out(site: Site, gateway: Gateway, tmp_path: Path) -> None:
    """The same page, under another host name of this machine, gets nothing."""
    address = f"http://localhost:{site.server_port}/?gateway={gateway.url}&collection=of_another"
    assert "Failed to fetch" in outcome(site, address, tmp_path)["failed"]
