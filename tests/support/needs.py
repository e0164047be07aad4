"""What tests need and no environment of Python brings."""

import os
import shutil
from typing import NoReturn

import pytest


def need(*programs: str) -> None:
    """Go without a test unless programs are there; Debian's packages have their names."""
    if missing := [program for program in programs if shutil.which(program) is None]:
        go_without(f"needs: apt-get install {' '.join(missing)}")


def go_without(message: str) -> NoReturn:
    """Skip a test; in CI, which installs all that tests need, fail it."""
    if "CI" in os.environ:
        pytest.fail(message)
    pytest.skip(message)
