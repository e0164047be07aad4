"""The command lines that READMEs and help tell users to type are ones that our commands take."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import indent

import click
import pytest
from click.testing import CliRunner
from repository import ROOT
from tihua.cli import root
from tihua.cli._command import Command, Group
from tihua_server.cli import main

COMMANDS: dict[str, click.Command] = {"tihua": root, "tihua-server": main}
OPERATORS = "();<>|&"
ASSIGNMENT = re.compile(r"\w+=")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELLS = ("sh", "bash", "shell", "console")


def shell_lines(document: str) -> Iterator[str]:
    """Yield the lines of indented blocks, and of fenced ones in a shell's language."""
    document = FENCED.sub(lambda block: indent(block[2], "    ") * (block[1] in SHELLS), document)
    for line in document.replace("\\\n", " ").splitlines():
        if line.startswith("    "):
            yield line.strip().removeprefix("$ ")


def calls(line: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each call of one of our commands in a line of shell: its name and its arguments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=OPERATORS)
    lexer.whitespace_split = True
    words: list[str] = []
    tokens = iter([*lexer, ";"])
    for token in tokens:
        if token in ("<", ">", ">>"):
            next(tokens)
            continue
        if token.strip(OPERATORS):
            words.append(token)
            continue
        while words and ASSIGNMENT.match(words[0]):
            del words[0]
        if words and (name := Path(words[0]).name) in COMMANDS:
            yield name, words[1:]
        words = []


def take(line: str, command: str, words: Sequence[str]) -> None:
    """Let a command read its arguments; fail with the line if it refuses them."""
    result = CliRunner().invoke(COMMANDS[command], words, prog_name=command, input="马")
    assert result.exit_code == 0, f"{line}\n{result.output}"


def examples_of(command: Command | Group) -> Iterator[str]:
    """Yield the examples of a command, and of all below it."""
    yield from command.examples
    if isinstance(command, Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert isinstance(below, Command | Group)
            yield from examples_of(below)


@pytest.fixture
def nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands read their arguments, and do no more; files need not be there."""
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: None)
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, context: value)


@pytest.mark.usefixtures("nothing_is_done")
@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_our_commands_take_what_is_written(name: str) -> None:
    """Names, flags, values and how many arguments there are."""
    document = (ROOT / name).read_text(encoding="utf-8")
    found = [(line, call) for line in shell_lines(document) for call in calls(line)]
    assert {command for _, (command, _) in found} == set(COMMANDS)
    for line, call in found:
        take(line, *call)


@pytest.mark.usefixtures("nothing_is_done")
def test_our_commands_take_the_examples_of_their_help() -> None:
    """Of every command of `tihua`."""
    examples = list(examples_of(root))
    assert len(examples) > 50
    for example in examples:
        for call in calls(example):
            take(example, *call)


def test_calls_are_found_wherever_they_are_in_a_line() -> None:
    """Behind a folder, a variable or a pipe; up to a comment or a redirection."""
    line = "A=1 .venv/bin/tihua search - < texts | jq > tihua && (tihua-server --port 0 &)  # tihua"
    assert list(calls(line)) == [
        ("tihua", ["search", "-"]),
        ("tihua-server", ["--port", "0"]),
    ]


def test_code_in_other_languages_is_no_shell() -> None:
    """But what is fenced as shell is."""
    document = (
        "```go\n    tihua nope\n```\n\n    tihua status\n\n```sh\ntihua search \\\n  马\n```\n"
    )
    assert [list(calls(line)) for line in shell_lines(document)] == [
        [("tihua", ["status"])],
        [("tihua", ["search", "马"])],
    ]
