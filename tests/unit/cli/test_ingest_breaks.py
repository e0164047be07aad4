"""`tihua ingest` where something is in its way: what it waits for, and how it ends."""

import re
from pathlib import Path

import pytest
from command_line import Tihua
from google.rpc import status_pb2
from grpc import StatusCode
from refusals import refusal
from scripted_memory import Memory

UNAVAILABLE, DEADLINE_EXCEEDED = StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED


def test_a_released_collection_is_refused_with_the_command_that_loads_it(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """Nothing is sent."""
    tihua("ingest", pictures)
    tihua("collections", "release", "pictures")
    memory.calls.clear()
    result = tihua("ingest", pictures)
    assert result.exit_code == 1
    assert "tihua collections load pictures" in result.stderr
    assert memory.calls == []


def test_a_break_is_told_and_survived(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """Three attempts until the server takes a batch are one line."""
    memory.breaks = 3
    result = tihua("ingest", pictures)
    assert result.exit_code == 0
    assert result.stderr.count("the server is gone; trying again for up to 60 s\n") == 1
    assert "4 pictures: 3 written, 1 failed, 0 unchanged" in result.stdout


@pytest.mark.parametrize(
    ("refusals", "told"),
    [
        ([refusal(UNAVAILABLE, "pictures is\nbeing loaded")] * 6, "pictures is being loaded"),
        ([status_pb2.Status(code=UNAVAILABLE.value[0])] * 6, "the server is gone"),
        (
            [status_pb2.Status(code=DEADLINE_EXCEEDED.value[0])] * 2,
            "the server does not answer in time",
        ),
    ],
)
def test_a_store_that_can_t_be_read_for_a_while_is_waited_for(
    tihua: Tihua, memory: Memory, pictures: Path, refusals: list[status_pb2.Status], told: str
) -> None:
    """GRPC gives up sooner; the break is told once, in the server's words if it has any."""
    memory.get_refusals = list(refusals)
    result = tihua("ingest", pictures)
    assert result.exit_code == 0, result.output
    assert result.stderr.count(f"{told}; trying again for up to 60 s\n") == 1
    assert "4 pictures: 3 written, 1 failed, 0 unchanged" in result.stdout


def test_a_server_that_was_started_a_moment_ago_is_waited_for(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """The README has the two commands one after the other, and gRPC gives up sooner."""
    memory.info_refusals = [status_pb2.Status(code=UNAVAILABLE.value[0])] * 6
    result = tihua("ingest", pictures)
    assert result.exit_code == 0, result.output
    [told, *_] = result.stderr.splitlines()
    assert re.fullmatch("no tihua server answers at [^;]+; trying again for up to 60 s", told)
    assert result.stderr.count("trying again") == 1
    assert "4 pictures: 3 written, 1 failed, 0 unchanged" in result.stdout


def test_what_a_server_may_want_is_told_while_it_is_waited_for(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """A server that closes the connection is not one that is about to start."""
    closed = "failed to connect to all addresses; last error: ipv4:127.0.0.1:1: Socket closed"
    memory.info_refusals = [status_pb2.Status(code=UNAVAILABLE.value[0], message=closed)] * 6
    [told, *_] = tihua("ingest", pictures).stderr.splitlines()
    assert "--tls" in told


def test_a_collection_that_can_not_be_looked_up_is_waited_for(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """Its store may be starting as well."""
    memory.lookup_refusals = [refusal(UNAVAILABLE, "Milvus does not answer")] * 6
    result = tihua("ingest", pictures)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("Milvus does not answer; trying again for up to 60 s\n") == 1


def test_ctrl_c_leaves_a_clean_line(
    tihua: Tihua, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted while a file is read: one line, status 130, no traceback."""

    def interrupted(path: Path) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "read_bytes", interrupted)
    result = tihua("ingest", pictures)
    assert result.exit_code == 130
    assert result.stderr == "interrupted: 0 written; run it again to continue\n"


def test_a_stream_that_ends_early_tells_what_is_safe(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """It tells how much is written, then the reason, and ends with status 1."""
    memory.ends_streams = True
    (pictures / "b.PNG").unlink()
    result = tihua("ingest", pictures)
    assert result.exit_code == 1
    safe, error = result.stderr.splitlines()
    assert safe == "stopped: 3 written; run it again to continue"
    assert error.startswith("Error: ")


def test_an_ingest_of_unchanged_pictures_that_a_break_ended_can_be_continued(
    tihua: Tihua, memory: Memory, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written, but much may have been compared."""
    tihua("ingest", pictures)
    monkeypatch.setattr("tihua.cli.ingest.RECONNECT_TIMEOUT_S", 0.0)
    memory.get_refusals = [refusal(UNAVAILABLE, "away")] * 6
    result = tihua("ingest", pictures)
    assert result.exit_code == 1
    assert "stopped: 0 written; run it again to continue\n" in result.stderr


def test_a_refusal_before_anything_is_written_is_one_line(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """There is nothing to continue."""
    memory.get_refusals = [refusal(StatusCode.INVALID_ARGUMENT, "no")]
    result = tihua("ingest", pictures)
    assert (result.exit_code, result.stderr) == (1, "Error: no\n")


def test_a_server_that_does_not_come_is_one_line(
    tmp_path: Path, tihua: Tihua, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with status 1 once the time is over that a server may take to start."""
    monkeypatch.setattr("tihua.cli._reporter.RECONNECT_TIMEOUT_S", 0.0)
    result = tihua("ingest", tmp_path, "--address", "127.0.0.1:1", "--timeout", "1")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_a_wrong_prefix_is_told_before_any_server_is_waited_for(tmp_path: Path) -> None:
    """No server is there in this test."""
    result = Tihua("127.0.0.1:1")("ingest", tmp_path, "--id-prefix", "\udcb1/")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: --id-prefix has a lone surrogate")


def test_a_server_that_opens_no_files_is_asked_before_any_name_is_sent(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """One line says what to do; with --preprocess client the option makes no sense."""
    result = tihua("ingest", pictures, "--server-folder", ".")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: this server does not open files named by clients")
    assert not memory.calls
    both = tihua("ingest", pictures, "--server-folder", ".", "--preprocess", "client")
    assert both.exit_code == 2
