"""What all services share, embedding, and the examples of the README, with a running server."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
import tihua
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from processes import ServerProcess
from repository import ROOT

SERVICES = (
    "tihua.v1.CollectionService",
    "tihua.v1.EmbeddingService",
    "tihua.v1.IngestService",
    "tihua.v1.SearchService",
    "tihua.v1.SystemService",
)


def dot(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the cosine of two unit vectors."""
    return sum(a * b for a, b in zip(first, second, strict=True))


def test_every_service_is_healthy(channel: grpc.Channel) -> None:
    """The standard health service knows each by name, and lists them with the same statuses."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    names = ("", *SERVICES)
    serving = health_pb2.HealthCheckResponse.SERVING
    for name in names:
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == serving, name
    listed = stub.List(cast("Any", health_pb2).HealthListRequest()).statuses
    assert {name: state.status for name, state in listed.items()} == dict.fromkeys(names, serving)


def test_reflection_lists_the_services(channel: grpc.Channel) -> None:
    """Callers without stubs can discover the services."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = cast("Any", reflection_pb2).ServerReflectionRequest(list_services="")
    [answer] = stub.ServerReflectionInfo(iter([request]))
    assert set(SERVICES) < {entry.name for entry in answer.list_services_response.service}


def test_every_method_that_reflection_lists_is_there(
    server: ServerProcess, channel: grpc.Channel
) -> None:
    """None answers an empty request with UNIMPLEMENTED or UNKNOWN, or logs an error."""
    begin = len(server.log)
    known = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(known)
    missing = [
        method.full_name
        for service in known.get_services()
        for method in pool.FindServiceByName(service).methods
        if status_of(channel, method) in {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNKNOWN}
    ]
    assert not missing
    info: Any = channel.unary_unary("/tihua.v1.SystemService/GetServerInfo")
    info(b"", metadata=(("x-request-id", "after-all-methods"),))
    server.lines_of("after-all-methods")  # the lines of the others have come before it
    logged = server.log[begin:]
    assert not [line for line in logged if line.get("level") in {"error", "critical"}]


def status_of(channel: grpc.Channel, method: Any) -> grpc.StatusCode:
    """Return the status with which a method of any kind answers an empty request."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    stream: Any = channel.stream_stream(path)
    call = stream(iter([b""]), timeout=10)
    try:
        next(call, None)
    except grpc.RpcError as error:
        return cast("grpc.Call", error).code()
    call.cancel()
    return grpc.StatusCode.OK


def test_the_server_tells_what_it_is(client: tihua.Client) -> None:
    """Version, model, store and limits."""
    info = client.server_info()
    assert info.version == tihua.__version__
    assert info.models[0].ref.id == "tihua-tiny"
    assert info.store.startswith("Milvus ")
    assert info.limits.max_text_chars == 10_000


def test_text_and_picture_meet(client: tihua.Client, pictures: Sequence[Path]) -> None:
    """Both are unit vectors of one length."""
    text, picture = client.embed_text("一只猫"), client.embed_image(pictures[0])
    assert len(text) == len(picture) == client.server_info().models[0].dim
    assert dot(text, text) == pytest.approx(1, abs=1e-5)


def test_an_embedding_does_not_depend_on_its_neighbours(client: tihua.Client) -> None:
    """It is the same alone or in a batch of texts of other lengths."""
    alone = client.embed_text("马")
    batch = client.embed_texts(["雪地里奔跑的狗" * 5, "马", "小桥流水人家"])
    assert batch.embeddings[1] is not None
    assert dot(alone, batch.embeddings[1]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_example_of_the_readme_runs(
    server: ServerProcess,
    client: tihua.Client,
    collection: str,
    name: str,
    await_hits: Callable[[str, int], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It runs as printed, except for the port and the collection."""
    client.upsert([tihua.Item("a", text="夕阳西下", uri="sunset.jpg")], collection=collection)
    await_hits(collection, 1)
    readme = (ROOT / name).read_text(encoding="utf-8")
    example = readme.partition("```python\n")[2].partition("```")[0]
    ours = f'"{server.address}", collection="{collection}"'
    exec(example.replace('"localhost:50051"', ours), {})
    assert "sunset.jpg" in capsys.readouterr().out


def test_the_other_example_in_python_runs(
    server: ServerProcess,
    client: tihua.Client,
    pictures: Sequence[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It runs as printed, except for the port: it writes, filters and embeds.

    The uris of what it writes lead to the files.
    """
    program = ROOT / "client" / "examples" / "write.py"
    (tmp_path / "photos").mkdir()
    for name in ("xishan.jpg", "photos/a.jpg", "photos/b.jpg"):
        (tmp_path / name).write_bytes(pictures[0].read_bytes())
    monkeypatch.chdir(tmp_path)
    try:
        exec(program.read_text(encoding="utf-8").replace("localhost:50051", server.address), {})
        uris = {item.uri for item in client.list_items(collection="paintings")}
    finally:
        client.delete_collection("paintings")
    assert capsys.readouterr().out == "2\n[('xishan', '范宽')]\n512\n"
    assert uris == {str(path) for path in tmp_path.rglob("*.jpg")}


async def test_the_asyncio_client_does_the_same(server: ServerProcess, filled: str) -> None:
    """It searches, and reads a list page by page."""
    async with tihua.AsyncClient(server.address, collection=filled) as client:
        hits = await client.search(text="马", limit=3)
        ids = [item.id async for item in client.list_items(page_size=10)]
    assert len(hits) == 3
    assert len(ids) == 24
