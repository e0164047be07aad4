"""Clean virtual environments for trying a built wheel."""

import subprocess
import venv
from pathlib import Path

from repository import ROOT

CONSTRAINTS = ROOT / "constraints.txt"


def run(*command: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command outside the source tree."""
    return subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False
    )


def environment(folder: Path, *requirements: str, constraints: Path | None = None) -> Path:
    """Install into a new environment; return its folder of executables.

    Args:
        folder: of the environment.
        requirements: what to install.
        constraints: a constraints file of pip.
    """
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    bounds: list[str | Path] = ["--constraint", constraints] if constraints else []
    installed = run(programs / "pip", "install", "--quiet", *bounds, *requirements, cwd=folder)
    assert installed.returncode == 0, installed.stderr
    return programs
