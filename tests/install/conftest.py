"""The built wheels, and an environment with only the client's."""

from pathlib import Path

import pytest
from clean_environment import CONSTRAINTS, environment
from repository import ROOT


def built(name: str) -> Path:
    """Return the wheel that `make build` built."""
    wheels = list((ROOT / "dist").glob(f"{name}-*.whl"))
    assert len(wheels) == 1, "run `make build`"
    return wheels[0]


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The client's wheel."""
    return built("tihua")


@pytest.fixture(scope="session")
def server_wheel() -> Path:
    """The server's wheel."""
    return built("tihua_server")


@pytest.fixture(scope="session")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with only the client, its dependencies pinned by constraints.txt."""
    return environment(tmp_path_factory.mktemp("base"), str(wheel), constraints=CONSTRAINTS)
