"""The example programs in other languages as processes, and what they print."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from processes import GALLERY

QUERY_PICTURE = GALLERY.parent / "gallery_query" / "photo_ginger_kitten.jpg"

Lines: TypeAlias = Sequence[Mapping[str, Any]]
"""What a tour prints: a step and its answer."""


def start(
    command: Sequence[str | Path], address: str, **environment: str
) -> "subprocess.Popen[str]":
    """Start a program with the server's address in its environment."""
    return subprocess.Popen(
        [str(word) for word in command],
        env={**os.environ, "TIHUA_ADDRESS": address, "no_proxy": "127.0.0.1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finish(process: "subprocess.Popen[str]") -> str:
    """Wait for a program to end; return its output."""
    output, errors = ended(process, timeout_s=300)
    assert process.returncode == 0, errors
    return output


def ended(process: "subprocess.Popen[str]", timeout_s: float = 60) -> tuple[str, str]:
    """Return a program's stdout and stderr once it ends; kill it after `timeout_s`."""
    with process:
        try:
            return process.communicate(timeout=timeout_s)
        finally:
            process.kill()


def lines_of(output: str) -> Lines:
    """Return the lines of a tour."""
    return [json.loads(line) for line in output.splitlines()]


def answers(lines: Lines, step: str) -> list[Any]:
    """Return the answers of one step."""
    return [line["answer"] for line in lines if line["step"] == step]
