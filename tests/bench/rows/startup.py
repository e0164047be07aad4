"""How long a user waits: for an import, for help, and for a server to be ready."""

import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from bench.figure import Figure, Target, at_most, plain_figure
from bench.our_server import model_flags, our_server
from bench.settings import PACKAGED_MODEL
from bench.stage import Stage


async def startup(stage: Stage) -> list[Figure]:
    """Run each command a few times; the first run of each does not count."""
    times = stage.settings.pick(5, 1)
    programs = Path(sys.executable)
    commands = {
        "startup_import": ("`import tihua`, Python's own start included", "-c", "import tihua"),
        "startup_help": ("`tihua --help`", str(programs.with_name("tihua")), "--help"),
    }
    figures = []
    for name, (what, *words) in commands.items():
        command = [str(programs), *words]
        _run(command)
        seconds = [_run(command) for _ in range(times)]
        figures.append(_figure(name, what, seconds, at_most(0.15)))
    models = {PACKAGED_MODEL: 5.0, stage.settings.torch_model: 10.0}
    for model, bound in models.items():
        stage.say(f"  starting tihua-server with {model}")
        await _start(stage, model)
        seconds = [await _start(stage, model) for _ in range(times)]
        what = f"tihua-server with {model}, until it serves"
        figures.append(_figure(f"startup_{model}", what, seconds, at_most(bound)))
    return figures


def _run(command: list[str]) -> float:
    start_s = perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return perf_counter() - start_s


async def _start(stage: Stage, model: str) -> float:
    flags = model_flags(stage.settings, stage.materials, model=model, precision="auto")
    start_s = perf_counter()
    async with our_server(*flags):
        return perf_counter() - start_s


def _figure(name: str, what: str, seconds: list[float], target: Target) -> Figure:
    return plain_figure(
        name,
        what,
        rounds=seconds,
        unit="s",
        target=target,
        details={"slowest": max(seconds), "median": statistics.median(seconds)},
    )
