"""`tihua collections`: what it prints and how it ends."""

import json
from pathlib import Path

import pytest
from command_line import Tihua


def test_a_collection_is_created_shown_released_loaded_and_deleted(tihua: Tihua) -> None:
    """The whole life, by name."""
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
    """Of either server; nothing is sent."""
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_bytes(b"\xff\xfe key")
    result = tihua("collections", "copy", "pictures", "--to", "127.0.0.1:1", option, file)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: the token has a character that no token has; is it the right one?\n"
    )


@pytest.mark.parametrize("option", ["--token-file", "--to-token-file"])
def test_a_token_file_for_everybody_to_read_is_refused(
    tihua: Tihua, tmp_path: Path, option: str
) -> None:
    """In the words of the server, which refuses its own; of what is mounted, chmod is no remedy."""
    file = tmp_path / "token"
    file.write_text("0" * 64)
    file.chmod(0o644)
    result = tihua("collections", "copy", "pictures", "--to", "127.0.0.1:1", option, file)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {file} is open to every user of this machine (mode 644); chmod o= {file}, or "
        "where it is mounted: mode 0440 and fsGroup, or TIHUA_TOKEN for a token\n"
    )


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
    """Exit status 1."""
    result = tihua("collections", "show", "nowhere")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith("there is no collection 'nowhere'\n")
