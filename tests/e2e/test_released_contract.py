"""Clients with stubs of the last release keep working: the contract was not broken."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
import pytest
from processes import ServerProcess
from released import RELEASED, ReleasedStubs


@pytest.fixture
def released(server: ServerProcess) -> Iterator[ReleasedStubs]:
    """Stubs of the last release, connected to this server."""
    with grpc.insecure_channel(server.address) as channel:
        yield ReleasedStubs(channel)


def breaking(protos: Path) -> "subprocess.CompletedProcess[str]":
    """Compare a contract with the released one."""
    buf = str(Path(sys.executable).with_name("buf"))
    command = [buf, "breaking", str(protos), "--against", str(RELEASED)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_nothing_that_was_released_is_broken() -> None:
    """Buf finds no breaking change of a field, type, name or option."""
    found = breaking(RELEASED.parent)
    assert found.returncode == 0, found.stdout


def test_a_renumbered_field_would_be_found(tmp_path: Path) -> None:
    """This shows that the comparison can fail."""
    protos = shutil.copytree(RELEASED.parent, tmp_path / "protos")
    changed = protos / "tihua" / "v1" / "search_service.proto"
    text = changed.read_text()
    assert "float score = 2;" in text
    changed.write_text(text.replace("float score = 2;", "float score = 7;"))
    assert '"score"' in breaking(protos).stdout


def test_every_released_method_is_served(released: ReleasedStubs) -> None:
    """No released method answers an empty request with UNIMPLEMENTED."""
    missing: list[str] = []
    for method in sorted(released.methods - {"IngestService/Ingest"}):
        try:
            released.call(method, released.message(f"{method.partition('/')[2]}Request"))
        except grpc.RpcError as error:
            if isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNIMPLEMENTED:
                missing.append(method)
    assert not missing


def test_released_stubs_write_and_find(
    released: ReleasedStubs, names: Iterator[str], pictures: Sequence[Path]
) -> None:
    """A client of the last release ingests pictures over the stream and finds one of them."""
    collection = next(names)
    released.call(
        "CollectionService/CreateCollection",
        released.message("CreateCollectionRequest", name=collection),
    )
    start = {"collection": collection, "session_id": "released"}
    contents = [path.read_bytes() for path in pictures[:8]]
    items = [
        {"id": path.name, "image": {"content": content}}
        for path, content in zip(pictures, contents, strict=False)
    ]
    requests = [
        released.message("IngestRequest", start=start),
        released.message("IngestRequest", batch={"seq": 1, "items": items}),
    ]
    *_, last = released.call("IngestService/Ingest", iter(requests))
    query = released.message(
        "SearchRequest",
        collection=collection,
        terms=[{"image": {"content": contents[3]}}],
        limit=1,
        consistency=2,
    )
    [hit] = released.call("SearchService/Search", query).hits
    assert last.summary.items_written == 8
    assert hit.item.id == pictures[3].name
    assert hit.score == pytest.approx(1, abs=1e-4)
