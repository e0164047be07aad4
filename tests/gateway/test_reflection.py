"""Calls over gRPC without stubs: buf uses the server's reflection."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ServerProcess

pytestmark = pytest.mark.gateway


def curl(server: ServerProcess, method: str, request: object) -> "subprocess.CompletedProcess[str]":
    """Call a method as the README shows it."""
    buf = str(Path(sys.executable).with_name("buf"))
    options = ["--protocol", "grpc", "--http2-prior-knowledge", "-d", json.dumps(request)]
    url = f"http://{server.address}/{method}"
    command = [buf, "curl", *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_buf_curl_needs_no_protos(server: ServerProcess) -> None:
    """Buf learns the contract by reflection, and translates JSON."""
    answer = curl(server, "tihua.v1.EmbeddingService/EmbedText", {"texts": ["夕阳西下"]})
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["embeddings"]["dim"] == 512


def test_buf_curl_shows_the_details_of_an_error(server: ServerProcess) -> None:
    """An error of the server is readable, including its reason."""
    query = {"collection": "none_such", "terms": [{"text": "桥"}]}
    answer = curl(server, "tihua.v1.SearchService/Search", query)
    assert answer.returncode != 0
    error = json.loads(answer.stderr)
    assert error["message"] == "there is no collection 'none_such'"
    detail, *_ = error["details"]
    assert detail["type"] == "google.rpc.ErrorInfo"
