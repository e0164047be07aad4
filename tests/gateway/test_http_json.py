"""Calls without stubs: HTTP with JSON, under the names of the contract."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tihua
from envoy_gateway import ALLOWED_ORIGIN, Gateway, gateway_to, gateway_to_several
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from needs import need
from PIL import Image
from processes import GALLERY, ServerProcess
from repository import ROOT
from tihua_server.rpc.services import SERVICES

pytestmark = pytest.mark.gateway

INFO = "tihua.v1.SystemService/GetServerInfo"
EMBED_TEXT = "tihua.v1.EmbeddingService/EmbedText"
EMBED_IMAGE = "tihua.v1.EmbeddingService/EmbedImage"


def embedding(answer: dict[str, dict[str, str]]) -> bytes:
    """Return the bytes of the embeddings in an answer."""
    return base64.b64decode(answer["embeddings"]["data"])


def contract(path: Path) -> dict[str, list[str]]:
    """Return the contract in a descriptor set, by file, without the JSON names that buf adds."""
    files = FileDescriptorSet.FromString(path.read_bytes()).file
    return {
        file.name: [line for line in str(file).splitlines() if "json_name:" not in line]
        for file in files
        if file.name.startswith("tihua/")
    }


def test_an_embedding_over_http_is_that_over_grpc(gateway: Gateway, server: ServerProcess) -> None:
    """JSON carries the same bytes as the Python client's call."""
    answer = gateway.post(EMBED_TEXT, {"texts": ["夕阳西下"]})
    with tihua.Client(server.address) as client:
        expected = client.embed_text("夕阳西下")
    assert answer.status == 200
    assert np.array_equal(np.frombuffer(embedding(answer.body), "<f4"), expected)


def test_curl_searches_as_the_document_shows_it(gateway: Gateway, server: ServerProcess) -> None:
    """The lines of docs/http.md, pasted into a shell, find a picture."""
    need("curl")
    document = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    [lines] = re.findall(r"^    (curl (?:.*\\\n)*.*)$", document, re.MULTILINE)
    assert "localhost:8080" in lines
    with tihua.Client(server.address) as client:
        client.create_collection("pictures")
        client.upsert([tihua.Item("dog", text="雪地里奔跑的狗", uri="dog.jpg")])
    done = subprocess.run(
        ["sh", "-c", lines.replace("localhost:8080", gateway.url)],
        env={**os.environ, "no_proxy": "127.0.0.1"},
        capture_output=True,
        check=True,
    )
    [hit] = json.loads(done.stdout)["hits"]
    assert (hit["item"]["id"], hit["item"]["uri"]) == ("dog", "dog.jpg")


def test_every_unary_call_is_offered(gateway: Gateway) -> None:
    """The server itself, not the gateway, answers or refuses an empty request to each method."""
    pool = descriptor_pool.Default()
    methods = [
        f"{service}/{method.name}"
        for service in SERVICES
        for method in pool.FindServiceByName(service).methods
        if not method.client_streaming
    ]
    assert "tihua.v1.CollectionService/BuildIndex" in methods
    answers = {method: gateway.post(method, {}) for method in methods}
    refused = {method: answer.body for method, answer in answers.items() if answer.status != 200}
    assert all(body.get("details") for body in refused.values()), refused


def test_a_picture_that_is_written_is_found_again(gateway: Gateway) -> None:
    """A collection can be made, filled, searched and removed without stubs."""
    service = "tihua.v1.CollectionService"
    picture = next(iter(sorted(GALLERY.glob("*.jpg"))))
    content = base64.b64encode(picture.read_bytes()).decode()
    item = {"id": "one", "image": {"content": content}, "uri": picture.name, "metadata": {"n": 1}}
    created = gateway.post(f"{service}/CreateCollection", {"name": "over_http"})
    written = gateway.post(f"{service}/UpsertItems", {"collection": "over_http", "items": [item]})
    query = {"collection": "over_http", "terms": [{"image": {"content": content}}]}
    found = gateway.post(
        "tihua.v1.SearchService/Search", {**query, "consistency": "CONSISTENCY_STRONG"}
    )
    gateway.post(f"{service}/DeleteCollection", {"name": "over_http"})
    assert created.status == 200
    assert written.body["itemsWritten"] == "1"
    [hit] = found.body["hits"]
    assert (hit["item"]["id"], hit["item"]["uri"]) == ("one", picture.name)
    assert hit["item"]["metadata"] == {"n": 1}
    assert hit["score"] == pytest.approx(1, abs=1e-4)


def test_a_large_picture_passes(gateway: Gateway) -> None:
    """A picture of megabytes, in base64, is within the gateway's buffers."""
    grain = np.random.default_rng(0).integers(0, 256, (1800, 1800, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(grain).save(file, "PNG")
    assert len(file.getvalue()) > 8_000_000
    image = {"content": base64.b64encode(file.getvalue()).decode()}
    answer = gateway.post(EMBED_IMAGE, {"images": [image]})
    assert answer.status == 200
    assert len(embedding(answer.body)) == 2048


def test_an_error_keeps_its_details(gateway: Gateway) -> None:
    """A refused request has the matching HTTP status, and the google.rpc details as JSON."""
    query = {"collection": "none_such", "terms": [{"text": "桥"}]}
    answer = gateway.post("tihua.v1.SearchService/Search", query)
    assert (answer.status, answer.body["code"]) == (404, 5)
    assert answer.body["message"] == "there is no collection 'none_such'"
    info, *_ = answer.body["details"]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert (info["reason"], info["domain"]) == ("NOT_FOUND", "tihua")


@pytest.mark.parametrize(
    ("method", "body", "status", "code", "words"),
    [
        (EMBED_TEXT, b"{bad", 400, 3, "Expected"),
        ("tihua.v1.SearchService/Nothing", {}, 404, 12, "Nothing"),
        ("grpc.health.v1.Health/Check", {}, 404, 12, "Health"),
        ("tihua.v1.IngestService/Ingest", {}, 404, 12, "Ingest"),
    ],
)
def test_what_the_gateway_refuses_looks_like_what_the_server_refuses(
    gateway: Gateway, method: str, body: object, status: int, code: int, words: str
) -> None:
    """Malformed JSON and unknown or unavailable methods get a code and a message in JSON."""
    answer = gateway.post(method, body)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert words in answer.body["message"]


def test_a_server_that_is_away_is_unavailable(tmp_path: Path) -> None:
    """Without a server the gateway answers 503 and UNAVAILABLE."""
    with gateway_to("127.0.0.1:1", tmp_path) as alone:
        answer = alone.post(INFO, {})
    assert (answer.status, answer.body["code"]) == (503, 14)
    assert "no tihua-server answers" in answer.body["message"]


def test_a_call_that_reached_no_server_goes_to_another(
    server: ServerProcess, tmp_path: Path
) -> None:
    """One of two servers is gone, and Envoy has not heard of it yet."""
    with (
        gateway_to_several(["127.0.0.1:1", server.address], tmp_path) as gateway,
        ThreadPoolExecutor(16) as callers,
    ):
        answers = list(callers.map(lambda _: gateway.post(INFO, {}), range(160)))
    assert Counter(answer.status for answer in answers) == {200: 160}


def test_no_page_may_call_unless_its_origin_is_named(
    gateway: Gateway, open_gateway: Gateway
) -> None:
    """A foreign page is refused even where the browser sends no preflight."""
    plain = {"content-type": "text/plain"}
    closed = gateway.post(INFO, {}, {**plain, "origin": ALLOWED_ORIGIN})
    foreign = open_gateway.post(INFO, {}, {**plain, "origin": "https://evil.example"})
    similar = open_gateway.post(INFO, {}, {**plain, "origin": "https://galleryXexample"})
    named = open_gateway.post(INFO, {}, {**plain, "origin": ALLOWED_ORIGIN})
    for answer in (closed, foreign, similar):
        assert (answer.status, answer.body["code"]) == (403, 7)
        assert "access-control-allow-origin" not in answer.headers
    assert named.status == 200
    assert named.headers["access-control-allow-origin"] == ALLOWED_ORIGIN


def test_a_browser_that_asks_first_is_told_what_it_may_send(open_gateway: Gateway) -> None:
    """The preflight response allows POST with the headers of gRPC-Web and of a token."""
    headers = {"origin": ALLOWED_ORIGIN, "access-control-request-method": "POST"}
    answer = open_gateway.post(INFO, b"", headers, verb="OPTIONS")
    allowed = answer.headers["access-control-allow-headers"].split(",")
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert {"authorization", "content-type", "x-grpc-web"} <= set(allowed)


def test_the_descriptor_set_is_the_contract(tmp_path: Path) -> None:
    """The set for proxies is what buf builds from protos/, minus comments and error details."""
    ours, built = tmp_path / "ours.binpb", tmp_path / "buf.binpb"
    subprocess.run([sys.executable, ROOT / "protos" / "descriptor_set", ours], check=True)
    options = ["--as-file-descriptor-set", "--exclude-source-info", "--output", str(built)]
    buf = str(Path(sys.executable).with_name("buf"))
    subprocess.run([buf, "build", str(ROOT / "protos"), *options], check=True)
    assert contract(ours) == contract(built)
