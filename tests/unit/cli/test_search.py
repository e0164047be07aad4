"""`tihua search`: what is asked, and how hits are shown."""

import json
import webbrowser
from pathlib import Path

import pytest
from command_line import Tihua
from PIL import Image
from scripted_memory import Memory
from tihua.v1 import types_pb2


@pytest.fixture(autouse=True)
def _ingested(tihua: Tihua, pictures: Path) -> None:
    tihua("ingest", pictures)


def test_hits_are_a_table_of_rank_score_id_and_uri(tihua: Tihua, pictures: Path) -> None:
    """The query and the number of hits stand above; nothing is cut where there is no terminal."""
    result = tihua("search", "枯藤老树昏鸦")
    title, header, first, *others = result.stdout.splitlines()
    assert title.startswith("枯藤老树昏鸦: 3 hits")
    assert header.split() == ["#", "score", "id", "uri"]
    assert first.split() == ["1", "0.5000", "a.jpg", str(pictures / "a.jpg")]
    assert len(others) == 2


def test_search_tells_which_query_is_longer_than_the_model_reads(
    tihua: Tihua,
) -> None:
    """One query as well as many get a line on stderr beside the hits."""
    poem = "昔人已乘黄鹤去" * 8
    for result in (tihua("search", poem), tihua("search", "-", stdin=f"猫\n{poem}\n")):
        assert result.exit_code == 0
        [line] = result.stderr.splitlines()
        assert line.startswith("too long: 昔人已乘黄鹤去")
        assert "a.jpg" in result.stdout


def test_json_is_one_object_a_hit(tihua: Tihua, pictures: Path) -> None:
    """字 stay 字, and scores have no float32 noise."""
    result = tihua("search", "猫", "--json")
    hits = [json.loads(line) for line in result.stdout.splitlines()]
    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    cat = hits[2]
    assert "猫 咪.webp" in result.stdout
    assert {key: cat[key] for key in ("query", "score", "id", "uri")} == {
        "query": "猫",
        "score": 0.3,
        "id": "cats/猫 咪.webp",
        "uri": str(pictures / "cats" / "猫 咪.webp"),
    }
    assert cat["metadata"]["name"] == "猫 咪.webp"


def test_text_picture_and_item_make_one_query_with_weights(
    tihua: Tihua, memory: Memory, pictures: Path
) -> None:
    """Each is a term; a weight may push away."""
    picture = pictures / "a.jpg"
    tihua("search", "猫", "--image", picture, "--image-weight", "-0.5", "--item", "a.jpg")
    text, image, item = memory.requests[-1].terms
    assert (text.text, text.weight) == ("猫", 1.0)
    assert (image.image.content, image.weight) == (b"picture a", -0.5)
    assert item.item_id == "a.jpg"


def test_a_picture_comes_from_stdin(tihua: Tihua, memory: Memory) -> None:
    """Its bytes are sent, and the line above the hits and the page say so."""
    result = tihua("search", "--image", "-", stdin=b"picture a")
    [term] = memory.requests[-1].terms
    assert term.image.content == b"picture a"
    assert result.stdout.startswith("stdin: 3 hits")


def test_groups_are_shown_as_they_are_in_metadata(tihua: Tihua, memory: Memory) -> None:
    """They have a column of their own, and a year is 1990 and not 1 990."""
    for item in memory.items.values():
        item.metadata.update({"year": 1990})
    result = tihua("search", "猫", "--group-by", "year", "--group-size", "2")
    _, header, first, *_ = result.stdout.splitlines()
    assert header.split() == ["#", "score", "id", "group", "uri"]
    assert first.split()[3] == "1990"
    assert (memory.requests[-1].group_by, memory.requests[-1].group_size) == ("year", 2)
    result = tihua("search", "猫", "--group-by", "year", "--json")
    assert json.loads(result.stdout.splitlines()[0])["group"] == 1990
    assert not memory.requests[-1].HasField("group_size")


def test_options_reach_the_server(tihua: Tihua, memory: Memory) -> None:
    """Filter with its values, limit, score, search parameter and fields are sent."""
    tihua(
        "search", "猫", "-n", "2", "--min-score", "0.25", "--index-param", "nprobe=8",
        "--filter", "year >= {since} and place == {place} and ok == {ok}",
        "--param", "since=2020", "--param", "place=苏州", "--param", "ok=true",
        "--fields", "uri",
    )  # fmt: skip
    request = memory.requests[-1]
    assert (request.limit, request.min_score) == (2, 0.25)
    assert dict(request.filter_params) == {"since": 2020, "place": "苏州", "ok": True}
    assert dict(request.index_params) == {"nprobe": 8}
    assert list(request.read_mask.paths) == ["uri"]


def test_stdin_holds_a_query_a_line(tihua: Tihua, memory: Memory) -> None:
    """Blank lines and a byte order mark are left out, and many lines are several calls."""
    result = tihua("search", "-", "--json", stdin="\ufeff一\n\n二\r\n三\n四\n五\n六\n")
    asked = [request.terms[0].text for request in memory.requests]
    assert asked == ["一", "二", "三", "四", "五", "六"]
    assert len(result.stdout.splitlines()) == 6 * 3


def test_a_picture_with_each_line_is_no_larger_call_than_a_message_may_be(
    tihua: Tihua, memory: Memory, tmp_path: Path
) -> None:
    """The server here takes gRPC's own 4 MiB; four lines with the photograph are more."""
    photograph = tmp_path / "q.jpg"
    photograph.write_bytes(bytes(1_500_000))
    result = tihua("search", "-", "--image", photograph, "--json", stdin="一\n二\n三\n四\n")
    assert result.exit_code == 0, result.stderr
    assert [request.terms[0].text for request in memory.requests] == ["一", "二", "三", "四"]
    assert len(result.stdout.splitlines()) == 4 * 3


def test_answers_are_printed_before_a_later_call_fails(tihua: Tihua) -> None:
    """Four queries make a call here; the fifth one's ends the command."""
    result = tihua("search", "-", "--json", stdin="一\n二\n三\n四\n断\n")
    assert result.exit_code == 1
    assert "it broke" in result.stderr
    assert len(result.stdout.splitlines()) == 4 * 3


def test_a_query_that_fails_does_not_disturb_the_others(tihua: Tihua) -> None:
    """It is one safe line on stderr, and the exit status is 1."""
    result = tihua("search", "-", "--json", stdin="猫\n坏\n狗\n")
    assert result.exit_code == 1
    assert result.stderr == "Error: 坏: no good \\x1b]0;text\n"
    assert {json.loads(line)["query"] for line in result.stdout.splitlines()} == {"猫", "狗"}


def test_the_only_query_s_error_is_one_line(tihua: Tihua) -> None:
    """Nothing is on stdout, and the exit status is 1."""
    result = tihua("search", "坏")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: no good \\x1b]0;text\n"


@pytest.mark.parametrize("words", [["猫"], ["-"]], ids=["one", "many"])
def test_a_search_before_the_first_ingest_says_what_to_do(tihua: Tihua, words: list[str]) -> None:
    """The same line answers a typo in the name."""
    result = tihua("-c", "picturse", "search", *words, stdin="猫\n")
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "there is no collection 'picturse'; tihua collections list shows what there is, "
        "tihua ingest DIR makes one\n"
    )


def test_a_name_that_no_collection_can_have_is_told_as_such(tihua: Tihua) -> None:
    """Ingest would not make it; what a name may consist of is said at once."""
    result = tihua("-c", "画作", "search", "猫")
    assert result.exit_code == 1
    assert "there is no collection '画作'; no collection can have that name: " in result.stderr
    assert "(a-z, A-Z, 0-9, _)" in result.stderr
    assert "ingest" not in result.stderr


@pytest.mark.parametrize("words", [["猫"], ["-"]], ids=["one", "many"])
def test_a_server_that_is_full_or_loading_is_waited_for(
    tihua: Tihua, memory: Memory, words: list[str]
) -> None:
    """One query as well as many wait for as long as `Client.search` would."""
    memory.query_refusals = [
        types_pb2.ItemError(
            code=8, reason="OVERLOADED", metadata={"retry_after_s": "0.01"}, retryable=True
        ),
        types_pb2.ItemError(code=14, reason="COLLECTION_LOADING", retryable=True),
    ]
    result = tihua("search", *words, "--json", stdin="猫\n狗\n")
    assert (result.exit_code, result.stderr) == (0, "")
    hits = [json.loads(line) for line in result.stdout.splitlines()]
    assert [hit["query"] for hit in hits] == ["猫"] * 3 + ["狗"] * 3 * (words == ["-"])


def test_stdin_that_is_not_utf_8_is_an_error(tihua: Tihua) -> None:
    """The line is named."""
    result = tihua("search", "-", stdin="好\n".encode() + b"\xff\n")
    assert result.stderr == "Error: line 2 of stdin is not valid UTF-8\n"


def test_a_search_for_nothing_shows_the_usage(tihua: Tihua) -> None:
    """A command that is not understood at all is status 2."""
    result = tihua("search")
    assert result.exit_code == 2
    assert "nothing to search for" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["猫", "--image-weight", "-1"], "--image-weight -1 needs --image"),
        (["猫", "--item-weight", "0.5"], "--item-weight 0.5 needs --item"),
        (["--item", "a.jpg", "--text-weight", "2"], "--text-weight 2 needs TEXT"),
    ],
)
def test_the_weight_of_what_is_not_there_is_refused(
    tihua: Tihua, memory: Memory, arguments: list[str], complaint: str
) -> None:
    """It would count for nothing, and the user would not know."""
    result = tihua("search", *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert not memory.requests


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["猫", "--param", "x"], "name=value"),
        (["猫", "--fields", "uri,colour"], "'colour' is not a field"),
        (["猫", "--index-param", "ef=-1"], "whole number"),
        (["猫", "--limit", "0"], "0 is not in the range"),
        (["--image", "nowhere.jpg"], "nowhere.jpg"),
    ],
)
def test_a_wrong_value_is_one_line_and_status_1(
    tihua: Tihua, arguments: list[str], complaint: str
) -> None:
    """The line says what is wrong."""
    result = tihua("search", *arguments)
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_no_hits_are_no_error(tihua: Tihua) -> None:
    """The title says so; JSON is empty."""
    tihua("items", "delete", "--filter", "true", "--yes")
    result = tihua("search", "猫")
    assert (result.exit_code, result.stdout.split(",")[0]) == (0, "猫: 0 hits")
    assert tihua("search", "猫", "--json").stdout == ""


def test_sheet_draws_the_hits(tihua: Tihua, tmp_path: Path) -> None:
    """It is a PNG, in which pictures that can't be read are blank tiles."""
    sheet = tmp_path / "hits.png"
    result = tihua("search", "枯藤老树昏鸦", "--sheet", sheet)
    assert result.exit_code == 0, result.output
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000


def test_a_sheet_asks_for_more_than_is_printed(tihua: Tihua, tmp_path: Path) -> None:
    """It needs uri and metadata; what is printed is what --fields says."""
    command = ("search", "猫", "--fields", "id", "--json")
    plain = [json.loads(line) for line in tihua(*command).stdout.splitlines()]
    result = tihua(*command, "--sheet", tmp_path / "hits.png")
    assert [json.loads(line) for line in result.stdout.splitlines()] == plain
    assert plain[0].keys() == {"query", "rank", "score", "id"}


@pytest.mark.parametrize("name", ["hits.xyz", "hits", "hits.psd"])
def test_sheet_of_an_unknown_kind_is_one_line(
    tihua: Tihua, memory: Memory, tmp_path: Path, name: str
) -> None:
    """The name must end like a picture's; nothing is searched for before."""
    result = tihua("search", "猫", "--sheet", tmp_path / name)
    assert result.exit_code == 1
    assert "end it with .png" in result.stderr
    assert memory.requests == []


@pytest.mark.parametrize(
    ("name", "queries", "problem"),
    [("hits.webp", 40, "can't be written as .webp"), ("hits.png", 250, "the limit is 100000000")],
)
def test_a_sheet_that_is_too_large_says_its_size_and_what_to_do(
    tihua: Tihua, tmp_path: Path, name: str, queries: int, problem: str
) -> None:
    """WebP has no more than 16 383 pixels a side; and memory is bounded for every format."""
    sheet = tmp_path / name
    result = tihua("search", "-", "--sheet", sheet, stdin="猫\n" * queries)
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert problem in line
    assert "2040×" in line
    assert "--page" in line
    assert not sheet.exists()


def test_a_sheet_that_is_too_large_leaves_the_page(tihua: Tihua, tmp_path: Path) -> None:
    """It is what the message recommends."""
    sheet, page = tmp_path / "hits.png", tmp_path / "hits.html"
    result = tihua("search", "-", "--sheet", sheet, "--page", page, stdin="猫\n" * 250)
    assert result.exit_code == 1
    assert "or --page" in result.stderr
    assert "猫" in page.read_text(encoding="utf-8")


def test_an_item_that_every_line_searches_by_is_asked_for_once(
    tihua: Tihua, memory: Memory, tmp_path: Path
) -> None:
    """Its picture stands beside each line's hits."""
    memory.reads.clear()
    page = tmp_path / "hits.html"
    tihua("search", "-", "--item", "a.jpg", "--page", page, stdin="一\n二\n三\n")
    assert memory.reads.count("GetItems") == 1
    assert page.read_text(encoding="utf-8").count("<header") == 3


def test_many_hits_a_query_are_fewer_queries_a_call(tihua: Tihua, memory: Memory) -> None:
    """The store searches for all queries of a call at once, and one answer holds their hits."""
    memory.max_batch_items = 256
    memory.reads.clear()
    result = tihua("search", "-", "-n", "1000", "--json", stdin="一\n" * 50)
    assert result.exit_code == 0
    assert memory.reads.count("SearchMany") == 3
    memory.reads.clear()
    tihua("search", "-", "--json", stdin="一\n" * 50)
    assert memory.reads.count("SearchMany") == 1


def test_sheet_without_its_extra_names_what_to_install(
    tihua: Tihua, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one line with the pip command."""
    monkeypatch.setitem(__import__("sys").modules, "pylopdf_fonts_zh_cn", None)
    monkeypatch.delenv("TIHUA_FONT", raising=False)
    result = tihua("search", "猫", "--sheet", tmp_path / "hits.png")
    assert result.exit_code == 1
    assert result.stderr.endswith("install it with: pip install '.[sheet]' in the checkout\n")


def test_open_writes_a_page_and_opens_it(
    tihua: Tihua, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser is given the page's file URL."""
    opened: list[str] = []

    def opening(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", opening)
    page = tmp_path / "hits.html"
    assert tihua("search", "猫", "--open", "--page", page).exit_code == 0
    assert opened == [page.as_uri()]
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_open_without_a_browser_says_where_the_page_is(
    tihua: Tihua, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a temporary file, whose path is printed."""
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    result = tihua("search", "猫", "--open")
    (page,) = tmp_path.glob("tihua-*.html")
    assert f"no browser found; the page is {page}\n" in result.stderr
