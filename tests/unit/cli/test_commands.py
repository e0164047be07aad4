"""What holds for every command: help with examples, a quick start, and completion."""

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tihua.cli import COMMANDS, root
from tihua.cli._command import Command, Group


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words that call each command and group."""
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name)


def found(words: tuple[str, ...]) -> click.Command:
    """Return the command or group that these words call."""
    command: click.Command | None = root
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    return command


@pytest.mark.parametrize("words", list(every_command(root)), ids=" ".join)
def test_every_command_has_help_with_examples(words: tuple[str, ...]) -> None:
    """The examples begin with the command itself and stand unwrapped at the end."""
    result = CliRunner().invoke(root, [*words, "--help"], prog_name="tihua")
    assert result.exit_code == 0
    help_text, examples = result.stdout.split("\nExamples:\n")
    assert f"Usage: {' '.join(('tihua', *words))}" in help_text
    assert any(" ".join(words) in line for line in examples.splitlines())
    assert all("tihua" in line for line in examples.splitlines())


def test_help_has_a_short_option() -> None:
    """It prints the same."""
    short, long = (CliRunner().invoke(root, ["ingest", flag]).stdout for flag in ("-h", "--help"))
    assert short == long != ""


def test_the_readmes_name_the_commands_that_print_no_json() -> None:
    """They name exactly those."""
    for name in ("README.md", "README.zh-CN.md"):
        text = (Path(__file__).parents[3] / name).read_text(encoding="utf-8")
        [line] = re.findall(r"`--json`[^()（）]*[(（](.*?)[)）]", text)
        assert set(re.findall(r"`(\w+)`", line)) == {
            words[-1]
            for words in every_command(root)
            if not isinstance(command := found(words), click.Group)
            and not any("--json" in parameter.opts for parameter in command.params)
        }


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_their_help_says(name: str) -> None:
    """The lines are written twice, so that the list needs no import; they agree."""
    command = root.get_command(click.Context(root), name)
    assert isinstance(command, Command | Group)
    assert command.help is not None
    assert command.help.split("\n\n")[0].replace("\n", " ") == COMMANDS[name]


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    """It imports neither grpc nor rich nor Pillow."""
    program = (
        "import sys\n"
        "from tihua.cli import root\n"
        "root.main(['--help'], prog_name='tihua', standalone_mode=False)\n"
        "heavy = {'grpc', 'google.protobuf', 'rich', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    """It asks tihua itself what fits."""
    result = CliRunner().invoke(root, ["completion", shell], prog_name="tihua")
    assert result.exit_code == 0
    assert "_TIHUA_COMPLETE" in result.stdout


def test_completion_offers_commands_and_options() -> None:
    """They are asked for as the script does."""
    environment = {"_TIHUA_COMPLETE": "bash_complete", "COMP_WORDS": "tihua se", "COMP_CWORD": "1"}
    result = CliRunner().invoke(root, [], prog_name="tihua", env=environment)
    assert result.stdout == "plain,search\n"


def test_completion_does_not_wait_for_stdin() -> None:
    """It is the terminal's, of which nobody knows that it is read."""
    environment = {
        "_TIHUA_COMPLETE": "bash_complete",
        "COMP_WORDS": "tihua search --image - --li",
        "COMP_CWORD": "4",
    }
    stdin = io.BytesIO(b"typed by somebody")
    result = CliRunner().invoke(root, [], prog_name="tihua", env=environment, input=stdin)
    assert result.stdout == "plain,--limit\n"
    assert stdin.tell() == 0


def test_version_is_printed() -> None:
    """It is the version of the package."""
    result = CliRunner().invoke(root, ["--version"], prog_name="tihua")
    assert result.stdout.startswith("tihua, version ")


def test_the_package_runs_as_a_module() -> None:
    """`python -m tihua` is the same command."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tihua", "--version"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("tihua, version ")


def test_an_unknown_command_is_status_2() -> None:
    """This is click's own status."""
    result = CliRunner().invoke(root, ["serach"], prog_name="tihua")
    assert result.exit_code == 2
    assert "serach" in result.stderr


# Where the tests run in the background, their processes begin with SIGINT ignored.
_STUCK = """
import signal
import threading
from tihua import cli

signal.signal(signal.SIGINT, signal.default_int_handler)

def stuck(**kwargs):
    try:
        print("begun", flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        threading.Event().wait()

cli.root.main = stuck
cli.main()
"""


def test_a_second_ctrl_c_ends_the_process_at_once() -> None:
    """It does so whatever the first one still waits for, and without a traceback."""
    with subprocess.Popen(
        [sys.executable, "-c", _STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for expected in ("begun", "interrupted"):
                assert process.stdout.readline() == f"{expected}\n"
                process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT
    assert errors == ""
