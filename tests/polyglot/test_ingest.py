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
from fake_ingest_server import FakeServer, Plan, Refusing, refusal
from fronting import fronting
from processes import ServerProcess, running
from toolchains import Programs
from tours import QUERY_PICTURE, answers, finish, lines_of, start

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600, func_only=True)]


@pytest.fixture
def names(tmp_path: Path) -> Sequence[str]:
    """What the fake server takes for pictures: seven batches, of which it fails the first two."""
    names = [f"{'bad' if number < 2 else 'item'}-{number:03}.jpg" for number in range(100)]
    for name in names:
        (tmp_path / name).write_bytes(b"nobody decodes this")
    return names


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
    assert sorted(set(fake.stored)) == names[2:]
    assert report == {"written": 98, "failed": 2, "streams": 5}


async def test_a_server_that_stopped_before_it_took_the_stream_is_no_end(
    language: str, built: Programs, server: ServerProcess, names: Sequence[str], tmp_path: Path
) -> None:
    """It says CANCELLED, as gRPC does for it."""
    fake = Refusing(refusal(grpc.StatusCode.CANCELLED, "the server stops"))
    report = await ingest(fake, language, built, server, tmp_path)
    assert fake.stored == names[2:]
    assert report == {"written": 98, "failed": 2, "streams": 2}


def test_a_source_is_closed_though_it_is_not_read_to_its_end(
    programs: Callable[[str], Programs], tmp_path: Path
) -> None:
    """In TypeScript: a generator may have files open. Its own error does not hide why it ended."""
    command = programs("node")["abandoned"]
    with running(tmp_path, "--max-message-bytes", str(2**19)) as server:
        with tihua.Client(server.address) as client:
            client.create_collection("abandoned")
        told = finish(start([*command, "abandoned"], server.address)).splitlines()
    assert told[0] == "the source is closed"
    assert told[1].startswith("ended: item a takes ")


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that lets streams rest for half a second."""
    with running(tmp_path_factory.mktemp("impatient"), "--stream-idle-timeout-s", "0.5") as process:
        yield process


def test_an_ingest_goes_on_though_its_stream_is_ended_at_rest(
    language: str, built: Programs, impatient: ServerProcess, tmp_path: Path
) -> None:
    """The first picture of all comes late."""
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


def rests(server: ServerProcess) -> int:
    """Return how many streams were ended at rest."""
    return sum(entry.get("reason") == "STREAM_IDLE" for entry in server.log)
