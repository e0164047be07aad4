"""constraints.txt holds for what is installed, and for what builds it."""

import re

import pytest
from repository import ROOT

CONSTRAINTS = "constraints.txt"
OF_PIP = re.compile(rf"--constraint {CONSTRAINTS} pip\s*$")
"""What brings the pip that knows the option."""


@pytest.mark.parametrize("name", [".ci/setup", "Makefile", "deploy/docker/Dockerfile"])
def test_what_is_built_on_the_way_keeps_to_the_constraints(name: str) -> None:
    """Of what comes as source, as lmdb does, pip binds the build by an option of its own."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    calls = re.findall(r"\bpip (?:install|wheel)\b[^&\n]*", text)
    bound = [call for call in calls if CONSTRAINTS in call and not OF_PIP.search(call)]
    assert bound
    assert [call for call in bound if f"--build-constraint {CONSTRAINTS}" not in call] == []


def test_what_builds_is_named() -> None:
    """The build systems of our own packages, and setuptools, which packages without one get."""
    names = re.findall(r"^([\w.-]+)==", (ROOT / CONSTRAINTS).read_text(), re.MULTILINE)
    assert {"editables", "hatchling", "pip", "setuptools"} <= set(names)
