"""The servers that the benchmark starts: one per precision, unless it is refused."""

import contextlib
from pathlib import Path

import pytest
from bench.figure import Figure
from bench.settings import Settings
from bench.stage import Stage, noting
from rich.console import Console


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A quick run with the packaged model on torch, which does not compute in int8."""
    settings = Settings(
        model="tihua-tiny",
        engine="torch",
        precision="auto",
        rounds=1,
        is_quick=True,
        materials=tmp_path,
        photographs=None,
    )
    return Stage(settings, Console(quiet=True))


async def test_a_server_that_is_refused_is_noted_beside_the_others(stage: Stage) -> None:
    """Its figures are missing, and the report says why."""
    async with contextlib.AsyncExitStack() as stack:
        servers, refusals = await stage.servers(stack, ["fp32", "int8"])
    [figure] = noting(
        refusals,
        [Figure(name=name, what="", ours=1, unit="", value=1, value_unit="") for name in servers],
    )
    assert figure.name == "fp32"
    assert "int8 is not served: " in figure.note
    assert "torch computes in fp32 and bf16" in figure.note
