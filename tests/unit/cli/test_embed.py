"""`tihua embed`: what it prints and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Tihua


def test_embed_prints_the_beginning_of_each_embedding(tihua: Tihua, pictures: Path) -> None:
    """There is a row for each input, texts before pictures."""
    result = tihua("embed", "枯藤", "老树", "--image", pictures / "a.jpg")
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["input", "dim", "embedding"]
    assert [row.split()[:2] for row in rows] == [
        ["枯藤", "8"],
        ["老树", "8"],
        [str(pictures / "a.jpg"), "8"],
    ]


def test_a_picture_comes_from_stdin(tihua: Tihua, pictures: Path) -> None:
    """It is embedded as the file that it is a copy of."""
    picture = pictures / "a.jpg"
    result = tihua(
        "embed", "--json", "--image", "-", "--image", picture, stdin=picture.read_bytes()
    )
    piped, named = map(json.loads, result.stdout.splitlines())
    assert (piped["input"], named["input"]) == ("stdin", str(picture))
    assert piped["embedding"] == named["embedding"]


@pytest.mark.parametrize(
    "line",
    ["search - --image -", "embed - --image -", "embed --image - --image -", "embed - -"],
)
def test_stdin_is_read_once(tihua: Tihua, line: str) -> None:
    """The second `-` would find nothing left."""
    result = tihua(*line.split(), stdin=b"picture a")
    assert result.exit_code == 2
    assert "- stands for stdin, which can be read once" in result.stderr


def test_embed_json_holds_whole_embeddings(tihua: Tihua) -> None:
    """Each input is an object with the model that embedded it, however many calls that takes."""
    texts = [f"第{number}句" for number in range(6)]
    result = tihua("embed", "-", "--json", stdin="\n".join(texts))
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["input"] for record in records] == texts
    assert sum(number**2 for number in records[0]["embedding"]) == pytest.approx(1)
    assert (records[0]["model"], records[0]["dim"]) == ("fake", 8)


@pytest.mark.parametrize("encoding", ["latin-1", "gb18030", "ascii"])
def test_json_is_json_whatever_stdout_is_encoded_in(address: str, encoding: str) -> None:
    """Where it is not UTF-8, all is ASCII with the escapes of JSON."""
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
    """The failure is one line on stderr, and the exit status 1."""
    result = tihua("embed", "好", "坏", "--json")
    assert result.exit_code == 1
    assert result.stderr == "Error: 坏: no good text\n"
    assert [json.loads(line)["input"] for line in result.stdout.splitlines()] == ["好"]


def test_embed_tells_which_text_is_longer_than_the_model_reads(tihua: Tihua) -> None:
    """It is embedded all the same, and named in one short line on stderr."""
    result = tihua("embed", "好", "昔人已乘黄鹤去" * 8, "--json")
    assert result.exit_code == 0
    [line] = result.stderr.splitlines()
    assert line.startswith("too long: 昔人已乘黄鹤去")
    assert "the model reads only its beginning" in line
    assert len(line) < 140
    assert len(result.stdout.splitlines()) == 2
