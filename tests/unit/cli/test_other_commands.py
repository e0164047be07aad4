"""`tihua embed`, `collections`, `items` and `status`: what they print and how they end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Tihua
from scripted_memory import Memory


def test_embed_prints_the_beginning_of_each_embedding(tihua: Tihua, pictures: Path) -> None:
    """A row an input, texts before pictures."""
    result = tihua("embed", "枯藤", "老树", "--image", pictures / "a.jpg")
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["input", "dim", "embedding"]
    assert [row.split()[:2] for row in rows] == [
        ["枯藤", "8"],
        ["老树", "8"],
        [str(pictures / "a.jpg"), "8"],
    ]


def test_embed_json_holds_whole_embeddings(tihua: Tihua) -> None:
    """One object an input, beyond the size of one call, with the model that made it."""
    texts = [f"第{number}句" for number in range(6)]
    result = tihua("embed", "-", "--json", stdin="\n".join(texts))
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["input"] for record in records] == texts
    assert sum(number**2 for number in records[0]["embedding"]) == pytest.approx(1)
    assert (records[0]["model"], records[0]["dim"]) == ("fake", 8)


@pytest.mark.parametrize("encoding", ["latin-1", "gb18030", "ascii"])
def test_json_is_json_whatever_stdout_is_encoded_in(address: str, encoding: str) -> None:
    """Where that is not UTF-8 there is ASCII alone, with the escapes of JSON."""
    command = [sys.executable, "-m", "tihua", "--address", address, "embed", "é 字 😀", "--json"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONIOENCODING": encoding,
    }
    printed = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert printed.isascii()
    assert json.loads(printed)["input"] == "é 字 😀"


def test_embed_sends_no_more_bytes_than_a_message_may_have(tihua: Tihua, tmp_path: Path) -> None:
    """The server here takes gRPC's own 4 MiB; three photographs are more."""
    photographs = [tmp_path / f"{number}.jpg" for number in range(3)]
    for photograph in photographs:
        photograph.write_bytes(bytes(1_500_000))
    arguments = [argument for photograph in photographs for argument in ("--image", photograph)]
    result = tihua("embed", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["input"] for record in records] == list(map(str, photographs))


def test_embed_names_what_fails_and_embeds_the_rest(tihua: Tihua) -> None:
    """One line on stderr, exit status 1."""
    result = tihua("embed", "好", "坏", "--json")
    assert result.exit_code == 1
    assert result.stderr == "Error: 坏: no good text\n"
    assert [json.loads(line)["input"] for line in result.stdout.splitlines()] == ["好"]


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
    file.write_bytes(b"\xff\xfe key")
    result = tihua("collections", "copy", "pictures", "--to", "127.0.0.1:1", option, file)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: the token has a character that no token has; is it the right one?\n"
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


def test_items_are_listed_page_after_page_up_to_the_limit(tihua: Tihua, pictures: Path) -> None:
    """0 means all; --fields says what each carries."""
    tihua("ingest", pictures)
    assert len(tihua("items", "list", "--limit", "2", "--json").stdout.splitlines()) == 2
    lines = tihua("items", "list", "--limit", "0", "--fields", "uri", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": name, "uri": str(pictures / name)}
        for name in ("a.jpg", "cats/tom.tiff", "cats/猫 咪.webp")
    ]


def test_items_are_got_by_id_and_the_missing_are_named(tihua: Tihua, pictures: Path) -> None:
    """Those found are printed, exit status 1 for the others."""
    tihua("ingest", pictures)
    result = tihua("items", "get", "-", "--json", "--fields", "embedding", stdin="a.jpg\nb.PNG\n")
    assert result.exit_code == 1
    assert result.stderr == "Error: b.PNG: no such item\n"
    record = json.loads(result.stdout)
    assert record["id"] == "a.jpg"
    assert len(record["embedding"]) == 8


# Where the tests run in the background, their processes begin with SIGINT ignored.
_ASKED = """
import signal
from tihua import cli

signal.signal(signal.SIGINT, signal.default_int_handler)
cli.main()
"""


@pytest.mark.parametrize(
    "words", [("collections", "delete", "pictures"), ("items", "delete", "--filter", "year > 0")]
)
def test_ctrl_c_instead_of_an_answer_is_status_130(
    tihua: Tihua, address: str, words: tuple[str, ...]
) -> None:
    """As everywhere else, and nothing is deleted."""
    tihua("collections", "create", "pictures")
    with subprocess.Popen(
        [sys.executable, "-c", _ASKED, "--address", address, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            asked = ""
            while not asked.endswith("[y/N]: "):
                more = process.stderr.read(1)
                assert more, asked
                asked += more
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, output, errors) == (130, "", "\n")
    assert tihua("collections", "show", "pictures").exit_code == 0


def test_items_are_counted_put_and_deleted(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """One by one, with metadata of any JSON type."""
    tihua("collections", "create", "pictures")
    tihua("items", "put", "qiusi", "--text", "枯藤老树昏鸦", "--metadata", "author=马致远",
          "--metadata", "line=1")  # fmt: skip
    tihua("items", "put", "a", "--image", pictures / "a.jpg")
    assert dict(memory.items["qiusi"].metadata) == {"author": "马致远", "line": 1}
    assert memory.items["a"].uri == str(pictures / "a.jpg")
    assert tihua("items", "count").stdout == "2\n"
    assert json.loads(tihua("items", "count", "--json").stdout) == {
        "collection": "pictures",
        "count": 2,
    }
    assert tihua("items", "delete", "a", "b").stdout == "deleted 1 item\n"
    assert set(memory.items) == {"qiusi"}


def test_deleting_by_filter_asks_first(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """With the number of items that it would hit."""
    tihua("ingest", pictures)
    refused = tihua("items", "delete", "--filter", "line == 1", stdin="n\n")
    assert "Delete 3 items of pictures?" in refused.stderr
    assert len(memory.items) == 3


def test_an_item_the_server_refuses_is_one_line(tihua: Tihua, pictures: Path) -> None:
    """Its own reason, exit status 1."""
    tihua("collections", "create", "pictures")
    result = tihua("items", "put", "b", "--image", pictures / "b.PNG")
    assert result.exit_code == 1
    assert result.stderr == "Error: the picture can't be \\x1b[31mdecoded\n"


def test_status_shows_server_models_limits_and_collections(tihua: Tihua, pictures: Path) -> None:
    """For people, in tables."""
    tihua("ingest", pictures)
    result = tihua("status")
    assert result.exit_code == 0
    for expected in ("9.9.9", "Memory 1", "fa4efa4efa4efa4e", "max_image_bytes", "pictures"):
        assert expected in result.stdout


def test_status_json_is_one_object(tihua: Tihua, address: str) -> None:
    """With everything in it."""
    (line,) = tihua("status", "--json").stdout.splitlines()
    status = json.loads(line)
    assert (status["address"], status["serving"], status["collections"]) == (address, True, [])
    assert status["services"]["SearchService"] == "SERVING"
    assert status["models"][0]["id"] == "fake"
    assert status["limits"]["max_batch_items"] == 4


def test_status_without_the_store_shows_the_rest(tihua: Tihua, memory: Memory) -> None:
    """And why the collections are missing, with status 1."""
    memory.is_away = True
    result = tihua("status")
    assert (result.exit_code, "fa4efa4efa4efa4e" in result.stdout) == (1, True)
    assert "no collections yet" not in result.stdout
    assert result.stderr == "Error: no list of collections: the store does not answer\n"
    (line,) = tihua("status", "--json").stdout.splitlines()
    assert (json.loads(line)["version"], json.loads(line)["collections"]) == ("9.9.9", None)


def test_a_probe_asks_for_health_alone(tihua: Tihua) -> None:
    """Which the server tells without a token; it says how each service is."""
    (line,) = tihua("status", "--health", "--json").stdout.splitlines()
    assert json.loads(line)["SystemService"] == "SERVING"
    assert tihua("status", "--health", "--address", "127.0.0.1:1").exit_code == 1


def test_no_server_is_one_line_that_says_what_to_do(tihua: Tihua) -> None:
    """The last --address counts, wherever it stands."""
    result = tihua("status", "--address", "127.0.0.1:1", "--timeout", "2")
    assert result.exit_code == 1
    assert "127.0.0.1:1" in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("limit", ["inf", "nan", "1e300", "0", "-1", "86401", "soon"])
def test_a_time_limit_that_no_call_can_have_is_refused(tihua: Tihua, limit: str) -> None:
    """In words; gRPC would take some of them for the past."""
    result = tihua("status", "--timeout", limit)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: Invalid value for '--timeout': '{limit}' is no time limit: give seconds, more "
        "than 0 and 86400 at most\n"
    )


def test_a_time_limit_of_a_day_is_kept(tihua: Tihua) -> None:
    """It is the longest."""
    assert tihua("status", "--timeout", "86400").exit_code == 0


def test_the_environment_says_where_and_what(tihua: Tihua, monkeypatch: pytest.MonkeyPatch) -> None:
    """TIHUA_COLLECTION holds unless --collection is given."""
    monkeypatch.setenv("TIHUA_COLLECTION", "paintings")
    assert "'paintings'" in tihua("collections", "show").stderr
    assert "'others'" in tihua("collections", "show", "-c", "others").stderr
