"""Some faults of the soak in their shortest form; `make chaos` has all of them at length."""

import random
from pathlib import Path

import pytest
from chaos.faults import FAULTS
from chaos.ground import Ground, Skipped
from chaos.scale import QUICK

# Minutes, and a memory bound that a busy machine breaks: `make chaos` and `make test-slow`.
pytestmark = pytest.mark.slow

NAMES = [
    "kill-server",
    "kill-client",
    "disk-full",
    "cancellations",
    pytest.param("kill-milvus", marks=pytest.mark.milvus),
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_loses_and_doubles_nothing(name: str, tmp_path: Path) -> None:
    """And leaves memory where it was, and health true."""
    choice = random.Random(20261123)
    ground = Ground(folder=tmp_path, choice=choice, scale=QUICK, tell=print)
    try:
        outcome = FAULTS[name](ground)
    except Skipped as reason:
        pytest.skip(str(reason))
    assert outcome.faults() == []
