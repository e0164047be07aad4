"""`.ci/setup`, by which `make install` begins: what it says where Python 3.11 is missing."""

import os
import subprocess
from pathlib import Path

from repository import ROOT

SETUP = ROOT / ".ci" / "setup"


def test_where_python_can_t_be_installed_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    """As on a release that does not package it: root's apt-get fails, and others have none."""
    apt_get = tmp_path / "apt-get"
    apt_get.write_text("#!/bin/sh\necho 'E: Unable to locate package python3.11' >&2\nexit 100\n")
    apt_get.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHON": str(tmp_path / "no-python"),
    }
    ended = subprocess.run(
        ["sh", SETUP], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("Error: Python 3.11 with venv and headers, and a C compiler are needed;")
    assert last.endswith("make install PYTHON=/path/to/python3.11")
