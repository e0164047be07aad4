"""atheris over the code that reads input: it sees which lines an input reaches, and goes further.

Each harness runs in a process of its own, because libFuzzer ends the process that it fuzzed in.
Where atheris does not install, this part is left out, and says so.
"""

import importlib.util
import re
import subprocess
import sys

from rich.console import Console

HARNESSES = ("picture", "filter", "message")


def run_guided(console: Console, seconds: float) -> None:
    """Fuzz each harness for its share of the time.

    Raises:
        SystemExit: one of them found something.
    """
    if importlib.util.find_spec("atheris") is None:
        console.print("atheris is not installed: the guided part is left out")
        return
    for name in HARNESSES:
        result = subprocess.run(
            [sys.executable, "-m", "fuzz.harness", name, str(max(1, int(seconds / 3)))],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", result.stderr)
        if result.returncode != 0 or runs is None:
            sys.exit(f"{result.stderr[-4000:]}\n{name} gave way under atheris")
        console.print(f"{runs[1]} inputs to {name}, guided by atheris")
