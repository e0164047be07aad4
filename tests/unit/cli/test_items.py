"""`tihua items`: what it prints and how it ends; and how a question ends that is not answered."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
from command_line import Tihua
from processes import INTERRUPTIBLE, await_sleep
from scripted_memory import Memory


def test_items_are_listed_page_after_page_up_to_the_limit(tihua: Tihua, pictures: Path) -> None:
    """0 means all; --fields says what each carries."""
    tihua("ingest", pictures)
    assert len(tihua("items", "list", "--limit", "2", "--json").stdout.splitlines()) == 2
    lines = tihua("items", "list", "--limit", "0", "--fields", "uri", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": name, "uri": str(pictures / name)}
        for name in ("a.jpg", "cats/tom.tiff", "cats/猫 咪.webp")
    ]


def test_no_more_items_are_asked_for_than_are_shown_and_a_page_may_have(
    tihua: Tihua, memory: Memory
) -> None:
    """The server of these tests allows five a page."""
    for limit in ("2", "100", "0"):
        assert tihua("items", "list", "--limit", limit).exit_code == 0
    assert memory.page_sizes == [2, 5, 5]


def test_items_are_got_by_id_and_the_missing_are_named(tihua: Tihua, pictures: Path) -> None:
    """Those found are printed, and the others make the exit status 1."""
    tihua("ingest", pictures)
    result = tihua("items", "get", "-", "--json", "--fields", "embedding", stdin="a.jpg\nb.PNG\n")
    assert result.exit_code == 1
    assert result.stderr == "Error: b.PNG: no such item\n"
    record = json.loads(result.stdout)
    assert record["id"] == "a.jpg"
    assert len(record["embedding"]) == 8


@pytest.mark.parametrize(
    "words", [("collections", "delete", "pictures"), ("items", "delete", "--filter", "year > 0")]
)
def test_ctrl_c_instead_of_an_answer_is_status_130(
    tihua: Tihua, address: str, words: tuple[str, ...]
) -> None:
    """This is as everywhere else, and nothing is deleted."""
    tihua("collections", "create", "pictures")
    with subprocess.Popen(
        [*INTERRUPTIBLE, "--address", address, *words],
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
            # Not before: `input()` swallows what is raised while it writes the question.
            await_sleep(process)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)  # with its input open: the end of that is an answer, too
            output, errors = process.communicate()
        finally:
            process.kill()
    assert (process.returncode, output, errors) == (130, "", "\n")
    assert tihua("collections", "show", "pictures").exit_code == 0


def test_items_are_counted_put_and_deleted(tihua: Tihua, memory: Memory, pictures: Path) -> None:
    """They are put one by one, with metadata of any JSON type."""
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
    """It tells how many items would go, and does not ask if --yes is given."""
    tihua("ingest", pictures)
    refused = tihua("items", "delete", "--filter", "line == 1", stdin="n\n")
    assert "Delete 3 items of pictures?" in refused.stderr
    assert len(memory.items) == 3
    sure = tihua("items", "delete", "--filter", "line == 1", "--yes")
    assert (sure.stdout, sure.stderr) == ("deleted 3 items\n", "")


@pytest.mark.parametrize("words", [["a.jpg", "cats/tom.tiff"], ["-"]], ids=["named", "stdin"])
def test_deleting_by_id_asks_nothing(
    tihua: Tihua, memory: Memory, pictures: Path, words: list[str]
) -> None:
    """As the help says, items named by id are deleted at once."""
    tihua("ingest", pictures)
    result = tihua("items", "delete", *words, stdin="a.jpg\ncats/tom.tiff\n")
    assert (result.stdout, result.stderr) == ("deleted 2 items\n", "")
    assert set(memory.items) == {"cats/猫 咪.webp"}
    shown = " ".join(tihua("items", "delete", "--help").stdout.split())
    assert "those named by ID at once, those that match a filter after asking" in shown


def test_an_item_the_server_refuses_is_one_line(tihua: Tihua, pictures: Path) -> None:
    """The line has the server's reason, and the exit status is 1."""
    tihua("collections", "create", "pictures")
    result = tihua("items", "put", "b", "--image", pictures / "b.PNG")
    assert result.exit_code == 1
    assert result.stderr == "Error: the picture can't be \\x1b[31mdecoded\n"
