"""The built wheels in clean environments: what users install, not the source tree."""

import importlib.metadata
import shlex
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import tihua
from clean_environment import CONSTRAINTS, environment, run
from processes import running

pytestmark = [pytest.mark.install, pytest.mark.timeout(900)]


def modules(programs: Path) -> set[str]:
    """Return the names of the installed distributions."""
    listed = run(programs / "pip", "list", "--format=freeze", cwd=programs).stdout
    return {line.partition("==")[0].lower() for line in listed.splitlines()}


def missing(wheel: Path, names: Sequence[str]) -> list[str]:
    """Return which of the names are not in the wheel."""
    there = set(zipfile.ZipFile(wheel).namelist())
    return [name for name in names if name not in there]


def test_the_client_is_small_and_typed(wheel: Path) -> None:
    """The client's wheel is under 2 MB, and has nothing of the server."""
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.stat().st_size < 2_000_000
    assert "tihua/py.typed" in names
    assert not [name for name in names if not name.startswith(("tihua/", "tihua-"))]


def test_client_and_server_are_released_together(server_wheel: Path) -> None:
    """The server requires the client of the same version."""
    requirements = importlib.metadata.requires("tihua-server") or []
    assert server_wheel.name.startswith(f"tihua_server-{tihua.__version__}-")
    assert f"tihua=={tihua.__version__}" in requirements


def test_the_server_has_model_gallery_and_notices(server_wheel: Path) -> None:
    """The wheel has all that the demo needs, and its credits."""
    names = [
        "tihua_server/py.typed",
        "tihua_server/models/tihua-tiny.safetensors",
        "tihua_server/models/tihua-tiny.md",
        "tihua_server/gallery/NOTICE.md",
        "tihua_server/gallery/licences/Apache-2.0.txt",
        "tihua_server/gallery_query/photo_ginger_kitten.jpg",
        f"tihua_server-{tihua.__version__}.dist-info/licenses/LICENSE",
    ]
    assert not missing(server_wheel, names)


def test_the_client_needs_no_model_and_no_store(base: Path) -> None:
    """No torch, no pymilvus, no numpy, no Pillow."""
    assert not modules(base) & {"torch", "pymilvus", "numpy", "pillow", "cn-clip"}


def test_the_client_alone_searches(base: Path, tmp_path: Path) -> None:
    """The command searches a running server from a clean environment."""
    with running(tmp_path / "data") as server:
        answer = run(base / "tihua", "--address", server.address, "status", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "tihua-tiny" in answer.stdout


def test_a_sheet_without_its_extra_says_what_to_install(base: Path, tmp_path: Path) -> None:
    """The error is one line, with exit status 1."""
    answer = run(base / "tihua", "search", "马", "--sheet", "out.png", cwd=tmp_path)
    assert answer.returncode == 1
    assert "pip install '.[sheet]' in the checkout" in answer.stderr


def test_the_demo_runs_from_the_wheels(wheel: Path, server_wheel: Path, tmp_path: Path) -> None:
    """Client, extra and server install; the demo writes its sheets and says what to run next."""
    programs = environment(
        tmp_path / "full", f"{wheel}[sheet]", str(server_wheel), constraints=CONSTRAINTS
    )
    answer = run(programs / "tihua-server", "demo", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "out" / "demo" / "夕阳西下.png").stat().st_size > 10_000
    closing = [shlex.split(line) for line in answer.stdout.splitlines() if line[:4].isspace()]
    assert [word for line in closing for word in line if word in {"ingest", "search"}]
    assert all((tmp_path / line[0]).is_file() for line in closing)
    [ingest] = [line for line in closing if "ingest" in line]
    assert (tmp_path / ingest[-1] / "NOTICE.md").is_file()
    [reindex] = [line for line in closing if "reindex" in line]
    assert ingest[-1] in reindex
