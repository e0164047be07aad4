"""A server with real pictures, and the programs in other languages that call it."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import tihua
from cutting_proxy import cutting
from needs import go_without
from processes import GALLERY, ServerProcess, running
from thrift import bytes_until_two_thirds, running_thrifty
from toolchains import LANGUAGES, BuildFailed, Programs, building
from tours import QUERY_PICTURE, Lines, finish, lines_of, start


@pytest.fixture(scope="session")
def programs() -> Callable[[str], Programs]:
    """Builds the programs of a language once; skips if its toolchain is missing, but not in CI."""
    built: dict[str, Programs] = {}

    def build(name: str) -> Programs:
        language = LANGUAGES[name]
        if missing := language.missing_packages():
            go_without(f"{name} needs: apt-get install {' '.join(missing)}")
        if name not in built:
            with building():
                built[name] = language.build()
        return built[name]

    return build


@pytest.fixture(params=sorted(LANGUAGES))
def language(request: pytest.FixtureRequest) -> str:
    """Each of the languages."""
    return str(request.param)


@pytest.fixture
def built(programs: Callable[[str], Programs], language: str) -> Programs:
    """The programs of a language. A build is no part of a test's time: it may take minutes."""
    return programs(language)


@pytest.fixture(scope="session")
def all_built(programs: Callable[[str], Programs]) -> Mapping[str, Programs]:
    """The programs of every language whose toolchain is there."""
    there = [name for name, language in LANGUAGES.items() if not language.missing_packages()]
    return {name: programs(name) for name in there}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real pictures, some of them in a folder below: 12 batches, 1.1 MB."""
    root = tmp_path_factory.mktemp("pictures")
    (root / "drawings").mkdir()
    for path in GALLERY.glob("cutout_*.jpg"):
        shutil.copy(path, root)
    for path in GALLERY.glob("drawing_*.webp"):
        shutil.copy(path, root / "drawings")
    return root


@pytest.fixture(scope="session")
def ids(folder: Path) -> Sequence[str]:
    """The ids of these pictures, sorted."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with the packaged model; its log has a line for every call."""
    with running(tmp_path_factory.mktemp("server"), "--log-level", "debug") as process:
        yield process


@pytest.fixture(scope="session")
def thrifty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that grants little credit."""
    with running_thrifty(tmp_path_factory.mktemp("thrifty")) as process:
        yield process


@pytest.fixture(scope="session")
def cut_off(
    all_built: Mapping[str, Programs], thrifty: ServerProcess, folder: Path
) -> Iterator[Mapping[str, "subprocess.Popen[str]"]]:
    """A tour in each language whose server falls silent in the middle of the ingest."""
    with contextlib.ExitStack() as stack:
        tours = {}
        cut_after = bytes_until_two_thirds(folder)
        for name, built in all_built.items():
            proxy = stack.enter_context(
                cutting(thrifty.address, cut_after_bytes=cut_after, is_silent=True)
            )
            command = [*built["tour"], f"{name}_vanished", folder, QUERY_PICTURE]
            tours[name] = stack.enter_context(start(command, proxy.address))
            stack.callback(tours[name].kill)
        yield tours


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put last what waits for `cut_off`."""
    items.sort(key=lambda item: "cut_off" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def _begin_to_wait(request: pytest.FixtureRequest) -> None:
    """Cut the tours off first: it takes them a minute to notice, while the other tests run."""
    if any("cut_off" in getattr(item, "fixturenames", ()) for item in request.session.items):
        with contextlib.suppress(BuildFailed):  # told by the tests of that language
            request.getfixturevalue("cut_off")


@pytest.fixture(scope="session")
def client(server: ServerProcess) -> Iterator[tihua.Client]:
    """The client that the others are compared with."""
    with tihua.Client(server.address) as opened:
        yield opened


@pytest.fixture(scope="session")
def tours(
    programs: Callable[[str], Programs],
    server: ServerProcess,
    folder: Path,
) -> Callable[[str], Lines]:
    """Makes the tour of a language once, into the collection of its name."""
    made: dict[str, Lines] = {}

    def tour(name: str) -> Lines:
        if name not in made:
            command = [*programs(name)["tour"], name, folder, QUERY_PICTURE]
            made[name] = lines_of(finish(start(command, server.address)))
        return made[name]

    return tour


@pytest.fixture
def tour(tours: Callable[[str], Lines], language: str) -> Lines:
    """What the tour of a language printed."""
    return tours(language)
