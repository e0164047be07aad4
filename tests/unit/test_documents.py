"""What the documents and the packages of other languages repeat is what it is elsewhere."""

import json
import re
import subprocess
import sys

import pytest
import tihua
from repository import ROOT

CLIENTS = ROOT / "client"

VERSIONS = {
    "node/package.json": r'^  "version": "(.*)"',
    "node/package-lock.json": r'^  "version": "(.*)"',
    "java/pom.xml": r"^  <version>(.*)</version>",
    "cpp/CMakeLists.txt": r"^project\(tihua_client VERSION (\S+)",
}


def test_the_documents_show_the_programs_as_they_are() -> None:
    """`make docs` would change nothing, in the manifest of the alerts neither."""
    checked = subprocess.run(
        [sys.executable, ROOT / "docs" / "excerpts", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", ["README.md", "docs/clients.md"])
def test_the_shortest_call_is_shown_in_every_language(name: str) -> None:
    """Five languages, and none is empty."""
    document = (ROOT / name).read_text(encoding="utf-8")
    shown = re.findall(r"<!-- client/\S+[sS]earch\S* -->\n```(\w+)\n[^`]+```\n", document)
    assert shown == ["python", "go", "typescript", "java", "cpp"]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_what_a_readme_says_to_run_can_be_pasted(name: str) -> None:
    """Programs are named by their paths, and the client is installed before it is imported."""
    document = (ROOT / name).read_text(encoding="utf-8")
    assert not re.findall(
        r"^    (?:\w+=\S* )*(?:pip|tihua|tihua-server) .*", document, re.MULTILINE
    )
    before, _, _ = document.partition("```python\n")
    assert re.search(r"^    .*/bin/pip install \.(?: +#.*)?$", before, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(VERSIONS))
def test_every_package_has_the_version_of_the_contract(name: str) -> None:
    """They are released together."""
    package = (CLIENTS / name).read_text(encoding="utf-8")
    assert re.findall(VERSIONS[name], package, re.MULTILINE) == [tihua.__version__]


def test_the_server_has_the_licence_of_the_checkout() -> None:
    """As a copy: what builds its package sees its folder alone."""
    assert (ROOT / "server" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_lock_of_npm_names_no_registry() -> None:
    """It has versions and hashes; where packages come from is each user's own matter."""
    lock = json.loads((CLIENTS / "node" / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all(
        package["integrity"].startswith("sha512-")
        for name, package in lock["packages"].items()
        if name
    )
