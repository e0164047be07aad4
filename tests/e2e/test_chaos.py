"""Some faults of the soak in their shortest form; `make chaos` has all of them at length."""

import random
from pathlib import Path

import pytest
from chaos.faults import FAULTS
from chaos.ground import Ground, Skipped
from chaos.scale import BRIEF

NAMES = [
    "kill-server",
    "kill-client",
    "disk-full",
    pytest.param("kill-milvus", marks=pytest.mark.milvus),
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_loses_and_doubles_nothing(name: str, tmp_path: Path) -> None:
    """Memory and health are left to `make chaos`, which runs on an otherwise idle machine."""
    choice = random.Random(20261123)
    ground = Ground(folder=tmp_path, choice=choice, scale=BRIEF, tell=print)
    try:
        outcome = FAULTS[name](ground)
    except Skipped as reason:
        pytest.skip(str(reason))
    assert outcome.verdict.writes > 0
    assert outcome.verdict.is_sound, str(outcome.verdict)
    assert outcome.problems == []
