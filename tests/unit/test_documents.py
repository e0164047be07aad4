"""What the documents and the packages of other languages repeat is what it is elsewhere."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tihua
from repository import ROOT

DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for folder in (".", "docs", "deploy", "server", "server/tihua_server/models", "client/node")
    for path in (ROOT / folder).glob("*.md")
)
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


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_server_keeps_the_terminal_from_its_clients(name: str) -> None:
    """Within one block a server that clients follow runs in the background."""
    document = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    for block in re.findall(r"(?:^    .*\n)+", document, re.MULTILINE):
        lines = [line.partition("#")[0].strip() for line in block.splitlines()]
        kept = itertools.dropwhile(lambda line: not keeps_the_terminal(line), lines)
        assert not any(re.search(r"\btihua ", line) for line in kept), block


def keeps_the_terminal(line: str) -> bool:
    """Whether a line of shell starts a server and returns only when that has ended."""
    serves = re.match(r"(?:\w+=\S* )*(?:\S*/)?tihua-server(?! demo| fine-tune| train)", line)
    return serves is not None and not line.endswith("&")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    """To a file or folder of the checkout, and to one of its headings if they name one."""
    document = ROOT / name
    for link in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document: what GitHub makes of its headings, and explicit ones."""
    text = document.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="(.*?)">', text))


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
