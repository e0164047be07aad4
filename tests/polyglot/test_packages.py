"""Each client as the people of its language take it: a package in a project that is not ours."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from needs import go_without
from toolchains import BUILT, CLIENTS, Programs
from tours import ended, start

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600, func_only=True)]

GO_SOURCES = Path("/usr/share/gocode/src")

CMAKE_PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
find_package(tihua 0.1 REQUIRED)
add_executable(search ${SEARCH})
target_link_libraries(search PRIVATE tihua::client)
"""

TYPESCRIPT_PROJECT = {
    "compilerOptions": {
        "target": "es2022",
        "module": "nodenext",
        "strict": True,
        "types": ["node"],
        "typeRoots": [str(CLIENTS / "node" / "node_modules" / "@types")],
    },
    "files": ["search.ts"],
}


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command that has to succeed; return what it prints."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def vendor(module: Path) -> None:
    """Lay what a module requires beside it, from Debian's sources, as `go mod vendor` would."""
    lines = []
    required = re.findall(r"^\t(\S+) (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    for name, version in required:
        source, link = GO_SOURCES / name, module / "vendor" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source)
        [language] = re.findall(r"^go (\S+)$", (source / "go.mod").read_text(), re.MULTILINE)
        packages = {str(path.parent.relative_to(GO_SOURCES)) for path in source.rglob("*.go")}
        lines += [f"# {name} {version}", f"## explicit; go {language}", *sorted(packages)]
    (module / "vendor" / "modules.txt").write_text("\n".join(lines) + "\n")


def test_the_go_module_requires_what_it_imports(
    programs: Callable[[str], Programs], tmp_path: Path
) -> None:
    """Go's module mode finds every import below a requirement of go.mod, and wants no other."""
    programs("go")
    module = shutil.copytree(CLIENTS / "go", tmp_path / "module")
    vendor(module)
    run("go", "vet", "-mod=vendor", "./...", cwd=module, GOFLAGS="", GO111MODULE="on")


def test_the_npm_package_is_enough_to_compile_and_call(
    programs: Callable[[str], Programs], tmp_path: Path
) -> None:
    """It is packed, installed beside a program and imported with types; it has text and licence."""
    programs("node")
    packed = run("npm", "pack", "--json", "--pack-destination", tmp_path, cwd=CLIENTS / "node")
    [package] = json.loads(packed[packed.index("[") :])
    names = {file["path"] for file in package["files"]}
    assert {"README.md", "LICENSE", "package.json"} <= names
    assert not [name for name in names if "examples" in name]

    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps(TYPESCRIPT_PROJECT))
    shutil.copy(CLIENTS / "node" / "examples" / "search.ts", tmp_path)
    quietly = ("--no-audit", "--no-fund", "--prefer-offline", "--silent")
    run("npm", "install", *quietly, tmp_path / package["filename"], cwd=tmp_path)
    run("node", CLIENTS / "node" / "node_modules/typescript/bin/tsc", cwd=tmp_path)
    process = start(["node", tmp_path / "search.js"], "127.0.0.1:1")
    _, errors = ended(process)
    assert "UNAVAILABLE" in errors


def test_the_pom_is_valid(tmp_path: Path) -> None:
    """Maven reads it, and has coordinates for everything that it names."""
    if shutil.which("mvn") is None:
        go_without("needs: apt-get install maven")
    shutil.copy(CLIENTS / "java" / "pom.xml", tmp_path)
    run("mvn", "--offline", "--batch-mode", "--quiet", "validate", cwd=tmp_path)


def test_the_installed_cmake_package_is_found(
    programs: Callable[[str], Programs], tmp_path: Path
) -> None:
    """After `cmake --install`, a project of five lines finds it and links a program."""
    programs("cpp")
    prefix = tmp_path / "prefix"
    run("cmake", "--install", BUILT / "cpp", "--prefix", prefix, cwd=tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    (project / "CMakeLists.txt").write_text(CMAKE_PROJECT)
    search = CLIENTS / "cpp" / "examples" / "search.cc"
    flags = [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DSEARCH={search}"]
    run("cmake", "-S", project, "-B", project / "built", *flags, cwd=project)
    run("cmake", "--build", project / "built", cwd=project)
    process = start([project / "built" / "search"], "127.0.0.1:1")
    _, errors = ended(process)
    assert process.returncode == 1
    assert "connect" in errors
