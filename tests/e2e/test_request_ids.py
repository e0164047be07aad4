"""Request ids connect a caller's error with the lines of the server's log."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
import tihua
from fake_encoder import FakeEncoder
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from in_process import serving
from picture_files import encode
from PIL import Image
from processes import ServerProcess, run_tihua
from tihua.v1 import embedding_service_pb2 as pb
from tihua.v1 import embedding_service_pb2_grpc, types_pb2
from tihua_server.config import Config
from tihua_server.types import FloatArray, TokenArray


def test_a_good_call_is_told_its_id(
    embedding: "embedding_service_pb2_grpc.EmbeddingServiceStub", server: ServerProcess
) -> None:
    """The client's id is in the trailers and in the log, with the peer and the timeout."""
    _, call = embedding.EmbedText.with_call(
        pb.EmbedTextRequest(texts=["马"]), timeout=30, metadata=(("x-request-id", "mine-1"),)
    )
    assert dict(call.trailing_metadata())["x-request-id"] == "mine-1"
    [line] = server.lines_of("mine-1")
    assert (line["event"], line["method"], line["code"]) == (
        "rpc",
        "EmbeddingService/EmbedText",
        "OK",
    )
    assert line["peer"].startswith("ipv4:127.0.0.1:")
    assert 0 < line["deadline_ms"] < 31_000  # gRPC rounds up the remaining time


def test_a_refused_call_is_told_its_id_three_times(
    embedding: "embedding_service_pb2_grpc.EmbeddingServiceStub", server: ServerProcess
) -> None:
    """The server's id is in the trailers, in google.rpc.RequestInfo and in the log."""
    with pytest.raises(grpc.RpcError) as caught:
        embedding.EmbedText(pb.EmbedTextRequest())
    call: Any = caught.value
    request_id = dict(call.trailing_metadata())["x-request-id"]
    status = rpc_status.from_call(call)
    assert status is not None
    info = error_details_pb2.RequestInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    assert info.request_id == request_id
    [line] = server.lines_of(request_id)
    assert (line["code"], line["level"]) == ("INVALID_ARGUMENT", "info")
    assert "deadline_ms" not in line


def test_the_client_knows_the_id_of_a_call_that_failed(
    client: tihua.Client, server: ServerProcess
) -> None:
    """A user can give it to the operator of the server."""
    with pytest.raises(tihua.InvalidRequestError) as caught:
        client.embed_texts([])
    assert server.lines_of(caught.value.request_id)[-1]["code"] == "INVALID_ARGUMENT"


def test_an_ingest_that_failed_has_an_id(client: tihua.Client, server: ServerProcess) -> None:
    """A stream is a call."""
    with pytest.raises(tihua.NotFoundError) as caught:
        client.ingest([tihua.Item("a", text="马")], collection="nowhere")
    [line] = server.lines_of(caught.value.request_id)
    assert (line["method"], line["code"]) == ("IngestService/Ingest", "NOT_FOUND")


def test_a_query_of_many_that_failed_is_logged_by_the_id_of_their_call(
    client: tihua.Client, server: ServerProcess, collection: str
) -> None:
    """There is a line for each reason; the call itself succeeded."""
    queries = [tihua.Query(text="马", collection=name) for name in ("nowhere", collection, "gone")]
    lost, found, gone = client.search_many(queries)
    assert isinstance(lost, tihua.NotFoundError)
    assert isinstance(gone, tihua.NotFoundError)
    assert not isinstance(found, tihua.TihuaError)
    assert lost.request_id == gone.request_id
    parts, call = server.lines_of(lost.request_id, count=2)
    assert (parts["event"], parts["reason"], parts["count"]) == ("parts failed", "NOT_FOUND", 2)
    assert (call["event"], call["code"]) == ("rpc", "OK")


def test_a_late_call_is_found_by_the_id_that_was_sent(
    embedding: "embedding_service_pb2_grpc.EmbeddingServiceStub",
    channel: grpc.Channel,
    server: ServerProcess,
) -> None:
    """There was no answer; the log says DEADLINE_EXCEEDED, not CANCELLED."""
    # Decoding takes seconds on any machine: four of these fill `--max-decode-pixels`.
    large = encode(Image.new("RGB", (5_000, 5_000)), "PNG")
    images = [types_pb2.ImageSource(content=large)] * 64
    grpc.channel_ready_future(channel).result(60)
    with pytest.raises(grpc.RpcError) as caught:
        embedding.EmbedImage(
            pb.EmbedImageRequest(images=images),
            timeout=0.5,
            metadata=(("x-request-id", "late-1"),),
        )
    call: Any = caught.value
    assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    [line] = server.lines_of("late-1")
    assert line["code"] == "DEADLINE_EXCEEDED"
    assert line["peer"].startswith("ipv4:127.0.0.1:")


class BrokenEncoder(FakeEncoder):
    """A model with a bug whose error quotes the input."""

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Fail as no model should."""
        raise KeyError(f"no such token in {texts}")


async def test_a_bug_is_told_by_the_id_alone(tmp_path: Path) -> None:
    """The traceback is logged under that id; its message, which may quote a text, stays there."""
    model = FakeEncoder()
    config = Config(port=0, data_dir=tmp_path, drain_timeout_s=5)
    async with serving(model, config) as app, tihua.AsyncClient(app.address) as client:
        model.encode_texts = BrokenEncoder().encode_texts  # type: ignore[method-assign]
        with structlog.testing.capture_logs() as log, pytest.raises(tihua.ServerError) as caught:
            await client.embed_text("马")
    error = caught.value
    assert str(error) == (
        f"internal error; the server's log has the details of request {error.request_id}"
    )
    assert [(line["event"], line["log_level"]) for line in log] == [
        ("bug", "error"),
        ("rpc", "info"),
    ]
    assert isinstance(log[0]["exc_info"], KeyError)


def test_the_command_shows_the_id_where_the_user_can_mend_nothing(
    server: ServerProcess, collection: str
) -> None:
    """A timeout is reported with the id, an invalid request without it."""
    wrong = run_tihua("-c", collection, "search", "马", "--filter", "a >=", address=server.address)
    assert wrong.returncode == 1
    assert "(request" not in wrong.stderr
    late = run_tihua("--timeout", "0.0001", "search", "马", address=server.address)
    assert late.returncode == 1
    assert re.fullmatch(r"Error: no answer .* \(request [0-9a-f]{16}\)", late.stderr.strip())


def test_a_server_that_does_not_start_says_so_in_json() -> None:
    """Programs that read the log can parse the reason."""
    command = [sys.executable, "-m", "tihua_server", "--log-format", "json"]
    failed = subprocess.run(
        [*command, "--milvus-uri", "nowhere"], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    [line] = map(json.loads, failed.stderr.splitlines())
    assert (line["level"], line["reason"]) == ("critical", "CONFIG")
    assert line["event"].startswith("the address of Milvus must start with")
