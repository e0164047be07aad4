"""Ingests whose network breaks, whose server restarts, and that a busy server asks to wait."""

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import tihua
from cutting_proxy import cutting
from fake_encoder import FakeEncoder
from held_encoder import HeldEncoder
from in_process import serving
from processes import ServerProcess
from thrift import bytes_until_two_thirds, running_thrifty
from tihua_server.config import Config
from toolchains import Programs
from tours import QUERY_PICTURE, answers, ended, finish, lines_of, start

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600, func_only=True)]


def test_an_ingest_goes_on_after_a_cut(
    language: str, built: Programs, thrifty: ServerProcess, folder: Path, ids: Sequence[str]
) -> None:
    """The connection is cut in the middle of a batch; nothing is missing, nothing counted twice."""
    with cutting(thrifty.address, cut_after_bytes=bytes_until_two_thirds(folder)) as proxy:
        command = [*built["tour"], language, folder, QUERY_PICTURE]
        lines = lines_of(finish(start(command, proxy.address)))
        assert proxy.was_cut.is_set()
    assert answers(lines, "ingest") == [
        {"written": len(ids), "failed": 0, "failures": [], "streams": 2}
    ]
    with tihua.Client(thrifty.address) as client:
        assert [item.id for item in client.list_items(collection=language)] == ids


def test_a_server_that_knows_nothing_of_the_session_counts_on(
    all_built: Mapping[str, Programs], tmp_path: Path, folder: Path, ids: Sequence[str]
) -> None:
    """It restarts in the middle of an ingest in every language at once."""
    names = list(all_built)
    commands = {name: [*all_built[name]["tour"], name, folder, QUERY_PICTURE] for name in names}
    with contextlib.ExitStack() as stack:
        with running_thrifty(tmp_path / "data") as first:
            cut_after = bytes_until_two_thirds(folder)
            proxies = {
                name: stack.enter_context(cutting(first.address, cut_after_bytes=cut_after))
                for name in names
            }
            for proxy in proxies.values():
                proxy.may_connect.clear()
            tours = {name: start(commands[name], proxies[name].address) for name in names}
            for proxy in proxies.values():
                assert proxy.was_cut.wait(120)
        with running_thrifty(tmp_path / "data") as second:
            for proxy in proxies.values():
                proxy.upstream = second.address
                proxy.may_connect.set()
            reports = {name: answers(lines_of(finish(tours[name])), "ingest") for name in names}
            with tihua.Client(second.address) as client:
                stored = {
                    name: [item.id for item in client.list_items(collection=name)] for name in names
                }
    assert stored == dict.fromkeys(names, ids)
    for [report] in reports.values():
        assert (report["written"], report["failed"]) == (len(ids), 0)
        assert report["streams"] >= 2


def test_a_server_that_vanishes_is_noticed(
    cut_off: Mapping[str, "subprocess.Popen[str]"], ids: Sequence[str]
) -> None:
    """It answers no ping after a minute of silence; in every language at once."""
    reports = {name: answers(lines_of(finish(tour)), "ingest") for name, tour in cut_off.items()}
    for [report] in reports.values():
        assert (report["written"], report["streams"]) == (len(ids), 2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("go", "the client connection is closing"), ("java", "Channel shutdownNow invoked")],
)
def test_an_ingest_ends_when_its_program_closes_the_connection(
    programs: Callable[[str], Programs], thrifty: ServerProcess, name: str, reason: str
) -> None:
    """The status is CANCELLED or UNAVAILABLE, as for a server that stops. The report survives."""
    command = programs(name)["closing"]
    with tihua.Client(thrifty.address) as client:
        client.create_collection(f"closing_{name}")
    output, errors = ended(start([*command, f"closing_{name}"], thrifty.address))
    assert reason in output, errors
    assert output.splitlines()[1:] == ["failed: a TOO_LARGE"]


async def test_a_call_that_is_refused_for_now_is_made_again(
    built: Programs, tmp_path: Path, folder: Path, encoder: FakeEncoder
) -> None:
    """RetryInfo is read: the server's queue is full, and after a second it is not."""
    command = [*built["tour"], "busy", folder, QUERY_PICTURE]
    held = HeldEncoder(encoder)
    config = Config(port=0, data_dir=tmp_path, max_queue_size=2, drain_timeout_s=5)
    async with (
        serving(held, config) as app,
        tihua.AsyncClient(app.address, timeout=300) as client,  # until the tour has begun
    ):
        busy = await held.hold(client)
        waiting = asyncio.create_task(client.embed_text("马"))
        tour = start(command, app.address)
        assert tour.stdout is not None
        lines = [await asyncio.to_thread(tour.stdout.readline) for _ in range(3)]
        held.may_go_on.set()
        lines.append(await asyncio.to_thread(finish, tour))
        await asyncio.gather(busy, waiting)
    refusal = {"code": 8, "reason": "OVERLOADED", "field": "", "retry_after_s": 1}
    assert answers(lines_of("".join(lines)), "retry")[0] == refusal
    assert len(answers(lines_of("".join(lines)), "embed_text")) == 3
