"""Requirements of tests that pip can't install."""

import os
import shutil
from typing import NoReturn

import pytest


def need(*programs: str) -> None:
    """Skip a test unless all programs are installed; each is in the Debian package of its name."""
    if missing := [program for program in programs if shutil.which(program) is None]:
        go_without(f"needs: apt-get install {' '.join(missing)}")


def go_without(message: str) -> NoReturn:
    """Skip a test; in CI, which installs everything that tests need, fail it."""
    if "CI" in os.environ:
        pytest.fail(message)
    pytest.skip(message)
