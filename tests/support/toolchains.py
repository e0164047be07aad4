"""Builds the clients in other languages: what each needs, and the resulting programs.

Run as a program, it prints the Debian packages that all of them need.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from repository import ROOT

CLIENTS = ROOT / "client"
BUILT = ROOT / "out" / "polyglot"
TEST_PROGRAMS = ROOT / "tests" / "polyglot" / "programs"

_PROTOC = {"protoc": "protobuf-compiler"}

Programs = Mapping[str, Sequence[str | Path]]
"""The command line of each example, `tour` and `search`, and of the tests' own programs."""


class BuildFailed(AssertionError):
    """A compiler failed; the message is its output."""


@dataclass(frozen=True)
class Language:
    """One of the languages.

    Attributes:
        name: its folder in `client/`.
        needs: the Debian package of each required program on PATH, or required file.
        build: compiles client and examples into `BUILT`, as far as they changed.
    """

    name: str
    needs: Mapping[str, str]
    build: Callable[[], Programs]

    def missing_packages(self) -> list[str]:
        """Return the Debian packages that are not installed."""
        return sorted({package for need, package in self.needs.items() if not _is_there(need)})


@contextlib.contextmanager
def building() -> Iterator[None]:
    """Keep other processes from building in this checkout during the block."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_there(need: str) -> bool:
    return Path(need).exists() if "/" in need else shutil.which(need) is not None


def _run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildFailed(f"{' '.join(map(str, command))[:200]}\n{done.stdout[-4000:]}")


def _build_go() -> Programs:
    """Build as Debian does, from the sources in /usr/share/gocode: there is no module proxy."""
    package = BUILT / "go" / "src" / "github.com" / "tihua" / "tihua" / "client" / "go"
    package.parent.mkdir(parents=True, exist_ok=True)
    if not package.is_symlink():
        package.symlink_to(CLIENTS / "go")
    programs = BUILT / "go" / "bin"
    environment = {
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOPATH": f"{BUILT / 'go'}:/usr/share/gocode",
        "PWD": str(package),  # go uses this path, not the target of the link
    }
    _run("go", "vet", "./...", cwd=package, **environment)
    for sources in ("./examples/...", TEST_PROGRAMS / "closing.go"):
        _run("go", "build", "-o", f"{programs}/", sources, cwd=package, **environment)
    return {name: [programs / name] for name in ("tour", "search", "closing")}


def install_node_packages() -> None:
    """Install the lock file's packages, including generator and compiler, if missing."""
    installed = CLIENTS / "node" / "node_modules" / ".package-lock.json"
    lock = CLIENTS / "node" / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run("npm", "ci", "--ignore-scripts", cwd=CLIENTS / "node")


def _build_node() -> Programs:
    install_node_packages()
    _run("node", "node_modules/typescript/bin/tsc", cwd=CLIENTS / "node")
    built = CLIENTS / "node" / "dist"
    # They find their packages there, and import ours by name, as a user's program does.
    own = ("abandoned", "again", "empty")
    for name in own:
        shutil.copy(TEST_PROGRAMS / f"{name}.mjs", built)
    return {
        **{name: ["node", built / "examples" / f"{name}.js"] for name in ("tour", "search")},
        **{name: ["node", built / f"{name}.mjs"] for name in own},
    }


_JARS = {
    **{
        f"grpc-{part}": "libgrpc-java"
        for part in ("api", "context", "core", "netty", "protobuf", "protobuf-lite", "stub")
    },
    **{
        f"netty-{part}": "libnetty-java"
        for part in (
            *("buffer", "codec", "codec-http", "codec-http2", "codec-socks", "common"),
            *("handler", "handler-proxy", "resolver", "transport"),
        )
    },
    "geronimo-annotation-1.3-spec": "libgeronimo-annotation-1.3-spec-java",
    "gson": "libgoogle-gson-java",
    "guava": "libguava-java",
    "netty-tcnative": "libnetty-tcnative-java",
    "perfmark-api": "libperfmark-java",
    "protobuf": "libprotobuf-java",
    "protobuf-util": "libprotobuf-java",
}
_JAR_PACKAGES = {f"/usr/share/java/{jar}.jar": package for jar, package in _JARS.items()}


def _build_java() -> Programs:
    """Compile without Maven; generate google.rpc and grpc.health, as Debian's are too old."""
    generated, classes, native = (
        BUILT / "java" / name for name in ("generated", "classes", "native")
    )
    class_path = ":".join(map(str, [classes, *_JAR_PACKAGES]))
    sources = [
        *(CLIENTS / "java").rglob("*.java"),
        *TEST_PROGRAMS.glob("*.java"),
        *(CLIENTS / "third_party").rglob("*.proto"),
    ]
    stamp = BUILT / "java" / "built"
    if not stamp.exists() or stamp.stat().st_mtime < max(
        path.stat().st_mtime for path in [*sources, Path(__file__)]
    ):
        shutil.rmtree(BUILT / "java", ignore_errors=True)
        generated.mkdir(parents=True)
        _run(
            *("protoc", f"--java_out={generated}", f"--grpc_out={generated}", "-I."),
            f"--plugin=protoc-gen-grpc={shutil.which('grpc_java_plugin')}",
            *("google/rpc/status.proto", "google/rpc/error_details.proto"),
            "grpc/health/v1/health.proto",
            cwd=CLIENTS / "third_party",
        )
        java = [*generated.rglob("*.java"), *(path for path in sources if path.suffix == ".java")]
        _run(
            *("javac", "-J-XX:+UseSerialGC", "--release", "17", "-encoding", "UTF-8"),
            *("-proc:none", "-nowarn", "-cp", class_path, "-d", str(classes), *map(str, java)),
        )
        # TLS: Debian's netty leaves ALPN to OpenSSL, and looks for it under another name.
        [openssl] = Path("/usr/lib").glob("*/jni/libnetty-tcnative.so")
        native.mkdir()
        shutil.copy(openssl, native / "libnetty_tcnative.so")
        stamp.touch()
    java_command = [
        *("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        *(f"-Djava.library.path={native}", "-cp", class_path),
    ]
    return {name: [*java_command, name.title()] for name in ("tour", "search", "closing")}


def _build_cpp() -> Programs:
    folder = BUILT / "cpp"
    flags = "-DCMAKE_CXX_FLAGS=-O1 -Wall -Wextra -Werror"
    _run("cmake", "-S", CLIENTS / "cpp", "-B", folder, flags)
    _run("cmake", "--build", folder, "--parallel", "2")
    installed, own = BUILT / "cpp-installed", BUILT / "cpp-programs"
    _run("cmake", "--install", folder, "--prefix", installed)
    _run("cmake", "-S", TEST_PROGRAMS, "-B", own, flags, f"-DCMAKE_PREFIX_PATH={installed}")
    _run("cmake", "--build", own)
    return {**{name: [folder / name] for name in ("tour", "search")}, "again": [own / "again"]}


LANGUAGES = {
    language.name: language
    for language in (
        Language(
            "go",
            {
                "go": "golang-go",
                "/usr/share/gocode/src/google.golang.org/grpc": "golang-google-grpc-dev",
                "/usr/share/gocode/src/google.golang.org/protobuf": "golang-google-protobuf-dev",
                "/usr/share/gocode/src/google.golang.org/genproto": "golang-google-genproto-dev",
                # Of the two versions that golang-google-grpc-dev takes: 1.3 can't marshal ours.
                "/usr/share/doc/golang-github-golang-protobuf-1-5-dev": (
                    "golang-github-golang-protobuf-1-5-dev"
                ),
            },
            _build_go,
        ),
        Language("node", {"node": "nodejs", "npm": "npm"}, _build_node),
        Language(
            "java",
            {
                **_PROTOC,
                **_JAR_PACKAGES,
                "javac": "default-jdk-headless",
                "grpc_java_plugin": "protobuf-compiler-grpc-java-plugin",
            },
            _build_java,
        ),
        Language(
            "cpp",
            {
                **_PROTOC,
                "g++": "g++",
                "cmake": "cmake",
                "pkg-config": "pkg-config",
                "grpc_cpp_plugin": "protobuf-compiler-grpc",
                "/usr/include/grpcpp/grpcpp.h": "libgrpc++-dev",
                "/usr/include/google/protobuf/message.h": "libprotobuf-dev",
            },
            _build_cpp,
        ),
    )
}

GENERATORS = {
    "protoc-gen-go": "protoc-gen-go",
    "protoc-gen-go-grpc": "protoc-gen-go-grpc",
    **_PROTOC,
}
"""What `protos/stubs` needs beside what the languages need."""

MAVEN = {"mvn": "maven"}
"""Reads the POM; the Java programs are built without it."""

if __name__ == "__main__":
    needs = [GENERATORS, MAVEN, *(language.needs for language in LANGUAGES.values())]
    packages = {package for need in needs for name, package in need.items() if not _is_there(name)}
    sys.stdout.write(" ".join(sorted(packages)) + "\n")
