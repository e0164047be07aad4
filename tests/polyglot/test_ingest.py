"""The bulk stream's contract, as a server sees it kept that breaks, moves, stops and lets rest."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
import tihua
from fake_ingest_server import FakeServer, Plan, Refusing
from fronting import fronting
from processes import ServerProcess, running
from refusals import refusal
from toolchains import Programs
from tours import QUERY_PICTURE, answers, finish, lines_of, start

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600, func_only=True)]


@pytest.fixture
def names(tmp_path: Path) -> Sequence[str]:
    """What the fake server takes for pictures, sorted: seven batches, two of the third are bad."""
    kinds = ["a"] * 40 + ["bad"] * 2 + ["good"] * 58
    names = [f"{kind}-{number:03}.jpg" for number, kind in enumerate(kinds)]
    for name in names:
        (tmp_path / name).write_bytes(b"nobody decodes this")
    return names


BAD = [40, 41]
"""Where these stand."""


def good(names: Sequence[str]) -> list[str]:
    """Return those that it stores."""
    return [name for name in names if not name.startswith("bad")]


async def ingest(
    fake: FakeServer, language: str, built: Programs, server: ServerProcess, folder: Path
) -> Mapping[str, Any]:
    """Make a tour whose streams are the fake server's; return what it reports of its ingest."""
    async with fronting(server.address, fake) as address:
        command = [*built["tour"], f"{language}_fake", folder, QUERY_PICTURE]
        lines = lines_of(await asyncio.to_thread(finish, start(command, address)))
    [report] = answers(lines, "ingest")
    return dict(report)


async def test_each_item_is_stored_and_counted_once_whatever_breaks(
    language: str, built: Programs, server: ServerProcess, names: Sequence[str], tmp_path: Path
) -> None:
    """The second batch is safe, and the client hears it from no server before it is at another."""
    fake = FakeServer(
        Plan("lost ack", after=2, credit=1),
        Plan("break", after=0),
        Plan("break", after=1, forgets=True),
        Plan("drain", after=1),
    )
    report = await ingest(fake, language, built, server, tmp_path)
    assert fake.violations == []
    assert sorted(set(fake.stored)) == good(names)
    assert report == {"written": 98, "failed": 2, "failures": BAD, "streams": 5}


async def test_a_server_that_stopped_before_it_took_the_stream_is_no_end(
    language: str, built: Programs, server: ServerProcess, names: Sequence[str], tmp_path: Path
) -> None:
    """The server says CANCELLED, as gRPC does for it, and the client opens another stream."""
    fake = Refusing(refusal(grpc.StatusCode.CANCELLED, "the server stops"))
    report = await ingest(fake, language, built, server, tmp_path)
    assert fake.stored == good(names)
    assert report == {"written": 98, "failed": 2, "failures": BAD, "streams": 2}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that takes messages of 64 KiB."""
    flags = ("--max-message-bytes", str(2**16))
    data_dir = tmp_path_factory.mktemp("narrow")
    with running(data_dir, *flags, module="fake_server") as process:
        yield process


def test_batches_are_as_large_as_the_server_takes(
    language: str, built: Programs, narrow: ServerProcess, tmp_path: Path
) -> None:
    """A picture that is larger by itself is a failure at its place: first, between, last."""
    picture = QUERY_PICTURE.read_bytes()
    for number in range(40):
        padding = bytes(2**16) if number in {0, 20, 39} else b""
        (tmp_path / f"{number:02}.jpg").write_bytes(picture + padding)
    command = [*built["tour"], language, tmp_path, QUERY_PICTURE]
    lines = lines_of(finish(start(command, narrow.address)))
    assert answers(lines, "ingest") == [
        {"written": 37, "failed": 3, "failures": [0, 20, 39], "streams": 1}
    ]


def test_an_item_without_anything_is_a_failure(
    programs: Callable[[str], Programs], server: ServerProcess
) -> None:
    """In TypeScript such an item takes no byte in a batch."""
    command = programs("node")["empty"]
    with tihua.Client(server.address) as client:
        client.create_collection("empty")
    assert finish(start([*command, "empty"], server.address)) == "failed: EMPTY_ID\n"


def test_a_source_is_closed_though_it_is_not_read_to_its_end(
    programs: Callable[[str], Programs], tmp_path: Path
) -> None:
    """In TypeScript: a generator may have files open. Its own error does not hide why it ended.

    The report that the program gave tells what had failed.
    """
    command = programs("node")["abandoned"]
    limits = ("--max-message-bytes", str(2**19), "--max-batch-items", "8")
    with running(tmp_path, *limits, module="fake_server") as server:
        with tihua.Client(server.address) as client:
            client.create_collection("abandoned")
        told = finish(start([*command, "abandoned"], server.address)).splitlines()
    assert told[0] == "the source is closed"
    assert told[1].endswith("it must have 1 to 8")
    assert told[2:] == ["failed: a TOO_LARGE"]


@pytest.mark.parametrize("name", ["cpp", "node"])
def test_a_report_that_is_used_again_is_reset(
    programs: Callable[[str], Programs], server: ServerProcess, name: str
) -> None:
    """In C++ the source also tells if it is asked again after its end."""
    collection = f"again_{name}"
    with tihua.Client(server.address) as client:
        client.create_collection(collection)
    output = finish(start([*programs(name)["again"], collection], server.address))
    assert output == "failed: EMPTY_ID\nstreams: 1\n"


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that lets streams rest for half a second."""
    flags = ("--stream-idle-timeout-s", "0.5")
    data_dir = tmp_path_factory.mktemp("impatient")
    with running(data_dir, *flags, module="fake_server") as process:
        yield process


def test_an_ingest_goes_on_though_its_stream_is_ended_at_rest(
    language: str, built: Programs, impatient: ServerProcess, tmp_path: Path
) -> None:
    """The stream is ended while the client waits for its first picture."""
    picture = QUERY_PICTURE.read_bytes()
    late = tmp_path / "00.jpg"
    os.mkfifo(late)  # whoever reads it waits for whoever writes it
    for number in range(1, 40):
        (tmp_path / f"{number:02}.jpg").write_bytes(picture)
    before = rests(impatient)
    tour = start([*built["tour"], language, tmp_path, QUERY_PICTURE], impatient.address)
    while rests(impatient) == before:
        assert tour.poll() is None, tour.communicate()
        time.sleep(0.05)
    late.write_bytes(picture)
    [report] = answers(lines_of(finish(tour)), "ingest")
    assert (report["written"], report["failed"]) == (40, 0)
    assert report["streams"] > 1


def test_a_full_batch_is_sent_before_the_next_item_is_read(
    language: str, built: Programs, server: ServerProcess, tmp_path: Path
) -> None:
    """The seventeenth picture comes once the sixteen before it are stored."""
    picture = QUERY_PICTURE.read_bytes()
    for number in range(16):
        (tmp_path / f"{number:02}.jpg").write_bytes(picture)
    late = tmp_path / "16.jpg"
    os.mkfifo(late)  # whoever reads it waits for whoever writes it
    name = f"{language}_full"
    with tihua.Client(server.address) as client:
        client.create_collection(name)
        tour = start([*built["tour"], name, tmp_path, QUERY_PICTURE], server.address)
        until, stored = time.monotonic() + 60, 0
        while stored < 16 and time.monotonic() < until:
            assert tour.poll() is None, tour.communicate()
            time.sleep(0.05)
            stored = len(list(client.list_items(collection=name)))
    late.write_bytes(picture)
    [report] = answers(lines_of(finish(tour)), "ingest")
    assert (stored, report["written"]) == (16, 17)


def rests(server: ServerProcess) -> int:
    """Return how many streams were ended at rest."""
    return sum(entry.get("reason") == "STREAM_IDLE" for entry in server.log)
