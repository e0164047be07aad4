"""The tihua-server command and its knobs."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tihua_server.cli import main
from tihua_server.config import Config, Limits, NamedModel
from tihua_server.options import config_of

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
KNOBS = [field.name for field in dataclasses.fields(Config) if field.name != "limits"]


def parsed(*arguments: str) -> Config:
    """Return the configuration that a command line makes, with the variables that are set."""
    return config_of(**main.make_context("tihua-server", list(arguments)).params)


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_is_a_flag_and_a_variable_with_help(name: str) -> None:
    """Nothing can be configured that `--help` does not tell of."""
    option = next(param for param in main.params if param.name == name)
    assert option.envvar == "TIHUA_" + name.upper()
    assert getattr(option, "help", None)


@pytest.mark.parametrize("name", KNOBS)
def test_the_flag_has_the_default_of_the_knob(name: str) -> None:
    """A server built in code and one started by hand are the same."""
    option = next(param for param in main.params if param.name == name)
    assert option.default == getattr(Config(), name)


def test_every_flag_is_in_the_readme() -> None:
    """The table of knobs is complete."""
    flags = [param.opts[0] for param in main.params if getattr(param, "envvar", None)]
    assert not [flag for flag in flags if f"| `{flag}` |" not in README]


def test_help_shows_examples() -> None:
    """A reader wants to see a command that works."""
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "tihua-server --model ViT-B-16" in result.output


def test_help_says_what_the_command_does_alone_and_how_variables_are_called() -> None:
    """Neither can be guessed from a list of options and commands."""
    words = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    assert "Without a command it serves until Ctrl-C." in words
    assert "--max-batch-size by TIHUA_MAX_BATCH_SIZE" in words


def test_help_has_each_option_of_serving_in_the_section_of_its_topic() -> None:
    """Forty options in one list would be read by nobody."""
    sections = re.split(
        r"^(\S.*):\n", CliRunner().invoke(main, ["--help"]).output, flags=re.MULTILINE
    )
    shown = {
        heading: re.findall(r"^  (?:-h, )?(--[\w-]+)", text, flags=re.MULTILINE)
        for heading, text in zip(sections[1::2], sections[2::2], strict=True)
    }
    assert {"--host", "--tls-cert", "--image-root"} <= set(shown["Listening and access"])
    assert {"--model", "--engine", "--precision"} <= set(shown["Models"])
    assert shown["Store"] == ["--data-dir", "--milvus-uri", "--milvus-token", "--store-timeout-s"]
    assert "--max-text-chars" in shown["Limits on requests"]
    assert shown["Other options"] == ["--version", "--help"]


def test_an_unknown_model_is_refused_by_name() -> None:
    """The answer lists the models that there are."""
    result = CliRunner().invoke(main, ["--model", "ViT-B-17"])
    assert result.exit_code == 2
    assert "ViT-B-16" in result.output


WRONG: dict[str, tuple[dict[str, str], list[str]]] = {
    "a variable": ({"TIHUA_LOG_FORMAT": "json", "TIHUA_MODEL": "foo"}, []),
    "flags": ({}, ["--model", "foo", "--log-format", "json"]),
    "no such flag": ({}, ["--log-format=json", "--foo"]),
    "flags that do not go together": ({}, ["--log-format=json", "--also-model=tihua-tiny"]),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_setting_is_a_json_line_where_the_log_has_them(how: str) -> None:
    """As all else is why a server did not start: nobody reads what is not."""
    variables, flags = WRONG[how]
    result = subprocess.run(
        [sys.executable, "-m", "tihua_server", *flags],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    [line] = map(json.loads, result.stderr.splitlines())
    assert (line["level"], line["reason"]) == ("critical", "CONFIG")


def test_a_token_is_not_shown() -> None:
    """The configuration may be printed; secrets may not."""
    assert "hunter2" not in repr(Config(milvus_token="hunter2"))


def test_help_needs_neither_torch_nor_milvus() -> None:
    """They take seconds to import."""
    code = (
        "import sys; from tihua_server.cli import main\n"
        "assert not {'torch', 'pymilvus', 'cn_clip', 'grpc'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_further_models_are_named_with_their_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """By flag, as often as there are models, or all in one variable."""
    wanted = (NamedModel("ViT-B-16", "ViT-B-16"), NamedModel("mine", "RN50", Path("a.pt")))
    flags = ["--also-model", "ViT-B-16", "--also-model", "mine:RN50=a.pt"]
    assert parsed(*flags).also_model == wanted
    monkeypatch.setenv("TIHUA_ALSO_MODEL", "ViT-B-16 mine:RN50=a.pt")
    assert parsed().also_model == wanted


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Shells leave `--data-dir=~/tihua` as it is, and it was a directory called `~`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TIHUA_MODEL_PATH", "~/b.pt")
    config = parsed("--data-dir=~/tihua", "--also-model=RN50=~/a.pt", "--image-root=~")
    assert config.data_dir == tmp_path / "tihua"
    assert config.also_model == (NamedModel("RN50", "RN50", tmp_path / "a.pt"),)
    assert config.image_root == tmp_path
    assert config.model_path == tmp_path / "b.pt"


def test_the_home_of_nobody_is_refused() -> None:
    """In a line that names it."""
    result = CliRunner().invoke(main, ["--data-dir=~nobody-at-all/tihua"])
    assert result.exit_code == 2
    assert "~nobody-at-all/tihua: there is no such user" in result.output


def test_a_queue_may_be_shorter_than_a_call() -> None:
    """A call that is alone is taken whatever its size."""
    assert parsed("--max-queue-size", "128").max_queue_size == 128


def test_bounds_on_requests_are_set_with_the_rest() -> None:
    """Those that have a flag; the others keep their defaults."""
    config = parsed("--max-text-chars", "7", "--max-batch-size", "3")
    assert config.limits == Limits(max_text_chars=7)
    assert config.max_batch_size == 3


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["--model", "RN50"], "demo"),
        (["--device=cuda"], "train"),
        (["--also-model", "RN50"], "fine-tune"),
        (["--insecure"], "demo"),
    ],
)
def test_an_option_of_serving_is_refused_before_another_command(
    arguments: list[str], command: str
) -> None:
    """It would be ignored without a word."""
    result = CliRunner().invoke(main, [*arguments, command, "--help"])
    assert result.exit_code == 2
    flag = arguments[0].partition("=")[0]
    assert f"{flag} goes with serving, not with {command}" in result.output


@pytest.mark.parametrize("command", ["train", "fine-tune", "demo"])
def test_what_serving_is_told_by_variables_does_not_concern_other_commands(command: str) -> None:
    """They run where a server's environment is set, although its disks are not there."""
    variables = {
        "TIHUA_IMAGE_ROOT": "/not/there",
        "TIHUA_PORT": "none",
        "TIHUA_ALSO_MODEL": "tihua-tiny",
    }
    result = CliRunner().invoke(main, [command, "--help"], env=variables)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--also-model", "ViT-B-17"], "'ViT-B-17' is not one of tihua-tiny"),
        (["--also-model", "mine"], "say [ID:]NAME[=CHECKPOINT]"),
        (["--also-model", "tihua-tiny=a"], "as in --also-model mine:tihua-tiny=CHECKPOINT"),
        (["--model-id", "a", "--also-model", "a:RN50"], "two models would be called a,"),
        (["--also-model", ":RN50"], "'' can't be the id of a model"),
        (["--model-id", "a b"], "'a b' can't be the id of a model"),
    ],
)
def test_a_further_model_that_could_not_be_told_apart_is_refused(
    arguments: list[str], words: str
) -> None:
    """Before anything is loaded."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code
    assert words in result.output
