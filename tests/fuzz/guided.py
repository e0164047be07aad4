"""Coverage-guided fuzzing, with atheris, of the code that parses input.

Each harness runs in a separate process, because libFuzzer ends the process in which it runs.
Without atheris, this part is skipped with a message.
"""

import importlib.util
import re
import subprocess
import sys

from rich.console import Console

RUNS = {"picture": 500, "filter": 2_000, "message": 30_000}
"""Runs of each harness when their number is fixed: some seconds' worth."""


def run_guided(console: Console, seconds: float, *, is_repeatable: bool) -> None:
    """Fuzz each harness for its share of the time, or `RUNS` times with the same inputs each time.

    Raises:
        SystemExit: a harness failed.
    """
    if importlib.util.find_spec("atheris") is None:
        console.print("atheris is not installed: the guided part is left out")
        return
    for name, runs in RUNS.items():
        share_s = max(1, int(seconds / len(RUNS)))
        bounds = [f"-runs={runs}", "-seed=1"] if is_repeatable else [f"-max_total_time={share_s}"]
        result = subprocess.run(
            [sys.executable, "-m", "fuzz.harness", name, *bounds],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", result.stderr)
        if result.returncode != 0 or executed is None:
            sys.exit(f"{result.stderr[-4000:]}\n{name} gave way under atheris")
        console.print(f"{executed[1]} inputs to {name}, guided by atheris")
