"""`tihua collections`: what it prints and how it ends."""

import json
from pathlib import Path

import pytest
from command_line import Tihua
from grpc import StatusCode
from refusals import refusal
from scripted_memory import Memory
from tihua.v1.collection_service_pb2 import LOAD_STATE_LOADING

STILL_BUILDING = refusal(
    StatusCode.UNAVAILABLE, "Milvus is still loading paintings", reason="COLLECTION_LOADING"
)


def test_a_collection_is_created_shown_released_loaded_and_deleted(tihua: Tihua) -> None:
    """Each command takes the collection by its name."""
    created = tihua("collections", "create", "paintings", "--index", "HNSW", "--index-param",
                    "M=32", "--description", "宋元山水", "--json")  # fmt: skip
    assert json.loads(created.stdout)["index_params"] == {"M": 32}
    assert "宋元山水" in tihua("collections", "list").stdout
    tihua("collections", "release", "paintings")
    assert json.loads(tihua("collections", "list", "--json").stdout)["state"] == "released"
    assert tihua("collections", "load", "paintings").stdout == "loaded paintings\n"
    deleted = tihua("collections", "delete", "paintings", "--yes")
    assert deleted.stdout == "deleted paintings and its 0 items\n"
    assert tihua("collections", "list").stdout == "no collections\n"


@pytest.mark.parametrize("option", ["--token-file", "--to-token-file"])
def test_a_token_file_that_is_no_text_is_one_line(
    tihua: Tihua, tmp_path: Path, option: str
) -> None:
    """It may be the token of either server, and nothing is sent."""
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_bytes(b"\xff\xfe key")
    result = tihua("collections", "copy", "pictures", "--to", "127.0.0.1:1", option, file)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: the token has a character that is not allowed in tokens; is it the right one?\n"
    )


@pytest.mark.parametrize("option", ["--token-file", "--to-token-file"])
def test_a_token_file_for_everybody_to_read_is_refused(
    tihua: Tihua, tmp_path: Path, option: str
) -> None:
    """The words are the server's own, which also tell what to do where chmod is no remedy."""
    file = tmp_path / "token"
    file.write_text("0" * 64)
    file.chmod(0o644)
    result = tihua("collections", "copy", "pictures", "--to", "127.0.0.1:1", option, file)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {file} is open to every user of this machine (mode 644); chmod o= {file}, or "
        "mount it with mode 0440 and fsGroup, or use TIHUA_TOKEN for a token\n"
    )


@pytest.mark.parametrize("command", ["copy", "reindex"])
def test_a_server_that_was_started_a_moment_ago_is_waited_for(
    tihua: Tihua, memory: Memory, tmp_path: Path, command: str
) -> None:
    """Longer than gRPC does by itself: the README has the two commands one after the other."""
    memory.info_refusals = [refusal(StatusCode.UNAVAILABLE, "")] * 6
    words = ["--to", tihua.address] if command == "copy" else [str(tmp_path), "--model", "fake"]
    result = tihua("collections", command, "paintings", *words)
    waiting, error = result.stderr.splitlines()
    assert waiting.endswith("; trying again for up to 60 s")
    assert error.startswith("Error: there is no collection 'paintings'")


def test_an_index_is_replaced_or_built_anew(tihua: Tihua) -> None:
    """The collection is shown as it is now; parameters of no index are refused."""
    tihua("collections", "create", "paintings")
    replaced = tihua("collections", "index", "paintings", "--index", "hnsw", "--index-param",
                     "M=32", "--json")  # fmt: skip
    shown = json.loads(replaced.stdout)
    assert (shown["index"], shown["index_params"]) == ("HNSW", {"M": 32})
    assert json.loads(tihua("collections", "index", "paintings", "--json").stdout) == shown
    refused = tihua("collections", "index", "paintings", "--index-param", "M=32")
    assert refused.exit_code == 1
    assert "say which index they are of" in refused.stderr


def test_an_index_is_waited_for_longer_than_the_server_does(tihua: Tihua, memory: Memory) -> None:
    """It says after ten minutes each time that it is not built yet."""
    tihua("collections", "create", "paintings")
    memory.collections["paintings"].load_state = LOAD_STATE_LOADING
    memory.build_refusals = [STILL_BUILDING] * 3
    result = tihua("collections", "index", "paintings", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["name"] == "paintings"
    assert not memory.build_refusals


def test_an_index_that_was_built_meanwhile_is_not_built_again(tihua: Tihua, memory: Memory) -> None:
    """The collection is loaded when the client looks."""
    tihua("collections", "create", "paintings")
    memory.build_refusals = [STILL_BUILDING] * 2
    result = tihua("collections", "index", "paintings", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["name"] == "paintings"
    assert len(memory.build_refusals) == 1


def test_an_index_is_waited_for_when_its_server_goes_away(tihua: Tihua, memory: Memory) -> None:
    """Another server, or the same one later, says that it is being built."""
    tihua("collections", "create", "paintings")
    memory.collections["paintings"].load_state = LOAD_STATE_LOADING
    memory.build_refusals = [refusal(StatusCode.UNAVAILABLE, "Socket closed")]
    result = tihua("collections", "index", "paintings", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["name"] == "paintings"
    assert not memory.build_refusals


def test_an_index_that_another_load_ended_without_is_built(tihua: Tihua, memory: Memory) -> None:
    """Loaded with the old index is not what was asked for."""
    tihua("collections", "create", "paintings")
    memory.build_refusals = [STILL_BUILDING] * 2
    result = tihua("collections", "index", "paintings", "--index", "HNSW", "--json")
    assert json.loads(result.stdout)["index"] == "HNSW"


def test_an_index_is_waited_for_no_longer_than_the_user_says(tihua: Tihua, memory: Memory) -> None:
    """With --timeout a server that goes on to say that it is not built is not asked for ever."""
    tihua("collections", "create", "paintings")
    memory.collections["paintings"].load_state = LOAD_STATE_LOADING
    memory.build_refusals = [STILL_BUILDING] * 1_000
    result = tihua("collections", "index", "paintings", "--timeout", "1.5")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert len(memory.build_refusals) > 980


def test_the_limit_that_is_told_is_the_one_that_the_user_gave(tihua: Tihua, memory: Memory) -> None:
    """It is not what was left of it after the first calls."""
    tihua("collections", "create", "paintings")
    memory.collections["paintings"].load_state = LOAD_STATE_LOADING
    memory.build_refusals, memory.builds_forever = [STILL_BUILDING] * 4, True
    result = tihua("collections", "index", "paintings", "--timeout", "1.5")
    assert result.exit_code == 1
    assert "the index of paintings was not built within 1.5 s; raise --timeout" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_index_that_can_not_be_built_is_not_waited_for(tihua: Tihua, memory: Memory) -> None:
    """A store that is away builds nothing."""
    tihua("collections", "create", "paintings")
    memory.build_refusals = [refusal(StatusCode.UNAVAILABLE, "the store does not answer")]
    result = tihua("collections", "index", "paintings")
    assert result.exit_code == 1
    assert result.stderr == "Error: the store does not answer\n"


def test_an_index_whose_answer_alone_was_lost_is_not_built_again(
    tihua: Tihua, memory: Memory
) -> None:
    """The collection has another index than before: the one that was asked for."""
    tihua("collections", "create", "paintings")
    memory.lost_builds = [[]]
    result = tihua("collections", "index", "paintings", "--index", "HNSW", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["index"] == "HNSW"
    assert memory.calls == ["build paintings"]


@pytest.mark.parametrize("is_away", [False, True], ids=["the same index", "no answer to a look"])
def test_an_index_that_may_have_been_built_is_left_to_the_user(
    tihua: Tihua, memory: Memory, is_away: bool
) -> None:
    """The user is told what the call ended with, and to look first."""
    tihua("collections", "create", "paintings")
    away = refusal(StatusCode.UNAVAILABLE, "the store does not answer")
    memory.lost_builds = [[away] * 4 * is_away]
    index = ("--index", "HNSW") if is_away else ()
    result = tihua("collections", "index", "paintings", *index)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: the connection broke (Socket closed), and the index of paintings may have been "
        "built all the same: see `tihua collections show paintings` before you build it again\n"
    )
    assert memory.calls == ["build paintings"]


def test_an_alias_that_is_led_where_it_leads_has_left_nothing(tihua: Tihua) -> None:
    """A repeated call does so; an alias that is moved says what it has left."""
    for name in ("paintings_1", "paintings_2"):
        tihua("collections", "create", name)
    first = tihua("collections", "alias", "paintings", "paintings_1")
    again = tihua("collections", "alias", "paintings", "paintings_1")
    moved = tihua("collections", "alias", "paintings", "paintings_2")
    assert first.stdout == again.stdout == "paintings leads to paintings_1\n"
    assert moved.stdout == "paintings leads to paintings_2, and no longer to paintings_1\n"


def test_delete_asks_and_takes_no_for_an_answer(tihua: Tihua) -> None:
    """Without --yes nothing is deleted unless the user says so."""
    tihua("collections", "create", "paintings")
    refused = tihua("collections", "delete", "paintings", stdin="n\n")
    assert refused.exit_code == 1
    assert "Delete paintings and its 0 items for good?" in refused.stderr
    assert "paintings" in tihua("collections", "list").stdout
    tihua("collections", "delete", "paintings", stdin="y\n")
    assert tihua("collections", "list").stdout == "no collections\n"


def test_a_collection_that_is_not_there_is_one_line(tihua: Tihua) -> None:
    """The command ends with status 1."""
    result = tihua("collections", "show", "nowhere")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith(
        "there is no collection 'nowhere'; tihua collections list shows what there is, "
        "tihua ingest DIR makes one\n"
    )
