"""The examples of the help find what `tihua ingest` wrote."""

import json
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from processes import ServerProcess, run_tihua
from tihua.cli import items, search
from tihua.cli._command import Command

COUNT = items.command.commands["count"]
assert isinstance(search.command, Command)
assert isinstance(COUNT, Command)
EXAMPLES = [
    example
    for example in (*search.command.examples, *COUNT.examples)
    if "--filter" in example or "--group-by" in example
]


@pytest.fixture(scope="module")
def ingested(
    server: ServerProcess,
    names: Iterator[str],
    pictures: Sequence[Path],
    await_hits: Callable[[str, int], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A collection of two folders, one with metadata as in the help of `ingest`, one without."""
    name = next(names)
    told = ["--metadata", "year=2024", "--metadata", "artist=范宽"]
    for prefix, options in {"2024/": told, "plain/": []}.items():
        folder = tmp_path_factory.mktemp("folder")
        for picture in pictures[:3]:
            shutil.copy(picture, folder)
        line: tuple[str | Path, ...] = (
            "-c",
            name,
            "ingest",
            folder,
            "--id-prefix",
            prefix,
            *options,
        )
        done = run_tihua(*line, address=server.address)
        assert done.returncode == 0, done.stderr
    await_hits(name, 6)
    return name


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_finds_what_metadata_it_names(
    server: ServerProcess, ingested: str, example: str
) -> None:
    """It finds the three pictures with this metadata, or the best one per group."""
    words = shlex.split(example, comments=True)[1:]
    result = run_tihua(*words, "--json", "-c", ingested, address=server.address)
    assert result.returncode == 0, result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]
    if "count" in words:
        assert records[0]["count"] == 3
    elif "--group-by" in words:
        assert [record["group"] for record in records if record["id"].startswith("2024/")] == [
            "范宽"
        ]
    else:
        assert [record["id"][:5] for record in records] == ["2024/"] * 3
