"""The client with other versions and other libraries than those of constraints.txt."""

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clean_environment import environment, run
from processes import GALLERY, ServerProcess, running
from repository import ROOT

pytestmark = [pytest.mark.install, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of this version."""
    with running(tmp_path_factory.mktemp("server")) as process:
        yield process


def floors() -> list[str]:
    """Return each dependency of the client, pinned to the lowest version it allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [re.sub(r">=([0-9.]+).*", r"==\1", entry) for entry in project["dependencies"]]


def ceilings() -> list[str]:
    """Return each dependency of the client without its lower bound; pip takes the newest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [re.sub(r">=[0-9.]+,?", "", entry) for entry in project["dependencies"]]


@pytest.mark.parametrize("versions", [floors, ceilings])
def test_the_client_works_at_both_ends_of_what_it_allows(
    versions: Callable[[], list[str]], wheel: Path, server: ServerProcess, tmp_path: Path
) -> None:
    """Pictures are written and found with the oldest and the newest grpcio and protobuf."""
    programs = environment(tmp_path / "venv", str(wheel), *versions())
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in sorted(GALLERY.glob("cutout_*.jpg"))[:8]:
        (folder / path.name).write_bytes(path.read_bytes())
    options = ["--address", server.address, "--collection", versions.__name__]
    ingested = run(programs / "tihua", *options, "ingest", folder, cwd=tmp_path)
    found = run(programs / "tihua", *options, "search", "一辆自行车", "--json", cwd=tmp_path)
    assert ingested.returncode == 0, ingested.stderr
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) == 8


@pytest.mark.parametrize("first", ["tihua", "others"])
def test_the_stubs_live_beside_those_of_others(first: str, wheel: Path, tmp_path: Path) -> None:
    """None of our protos clashes with those of pymilvus, Qdrant or OpenTelemetry in one pool."""
    ours = "import tihua, tihua.v1.search_service_pb2, tihua.v1.ingest_service_pb2_grpc"
    others = (
        "import pymilvus, qdrant_client.grpc, "
        "opentelemetry.proto.collector.trace.v1.trace_service_pb2"
    )
    order = [ours, others] if first == "tihua" else [others, ours]
    programs = environment(
        tmp_path / "venv", str(wheel), "pymilvus", "qdrant-client", "opentelemetry-proto"
    )
    imported = run(programs / "python", "-W", "error", "-c", "; ".join(order), cwd=tmp_path)
    assert imported.returncode == 0, imported.stderr
