"""The built wheel, and an environment with it alone."""

from pathlib import Path

import pytest
from clean_environment import CONSTRAINTS, ROOT, environment


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The one that `make build` built."""
    wheels = list((ROOT / "dist").glob("tihua-*.whl"))
    assert len(wheels) == 1, "run `make build`"
    return wheels[0]


@pytest.fixture(scope="session")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the client alone, in the versions that the project was tried with."""
    return environment(tmp_path_factory.mktemp("base"), str(wheel), constraints=CONSTRAINTS)
