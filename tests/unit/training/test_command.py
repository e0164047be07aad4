"""The command that trains."""

import importlib.util
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tihua_server.cli import main
from tihua_server.training import command
from tihua_server.training.failures import errors_in_one_line
from tihua_server.training.out_folder import occupied
from tihua_server.training.recipe import FEWEST_STEPS, FINE_TUNING, Recipe


def test_help_shows_an_example() -> None:
    """As a command of the server's program."""
    result = CliRunner().invoke(main, ["train", "--help"])
    assert result.exit_code == 0
    assert "tihua-server train --data" in result.output


def test_help_tells_the_defaults_of_the_recipe() -> None:
    """It can't import them for help: torch takes seconds."""
    output = " ".join(CliRunner().invoke(main, ["train", "--help"]).output.split())
    fresh, tuned = Recipe(), FINE_TUNING
    epochs = (
        f"({fresh.head_epochs}, or {tuned.head_epochs} with --start; more where that is less than"
        f" {FEWEST_STEPS} steps)"
    )
    rates = f"({fresh.head_rate}, or {tuned.head_rate} with --start)"
    assert f"heads and text tower. [default: {epochs}; x>=1]" in output
    assert f"forgets less. [default: {rates}; x>0" in output
    assert f"minutes on a CPU. [default: ({Recipe().block_epochs});" in output


@pytest.mark.parametrize("name", ["train", "fine-tune"])
def test_a_rate_of_nothing_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing would be learned."""
    line = [name, "--data", str(tmp_path), "--out", str(tmp_path), "--rate", "0"]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2
    assert "0.0 is not in the range x>0" in result.output


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read, not after an hour."""
    monkeypatch.setattr(command, "NEEDED", ("no_such_module",))
    result = CliRunner().invoke(
        main, ["train", "--data", str(tmp_path), "--emoji", str(tmp_path), "--out", str(tmp_path)]
    )
    assert result.exit_code == 1
    assert "no_such_module: not installed; pip install . './server[train]'" in result.output


def test_opencc_is_looked_for_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would first be used after the features of all pictures were computed."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "opencc" else find_spec(name)
    )
    result = CliRunner().invoke(main, ["train", "--data", str(tmp_path), "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "opencc: not installed; pip install . './server[train]'" in result.output


def test_a_device_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """With the server's message."""
    folders = ["--data", str(tmp_path), "--out", str(tmp_path)]
    result = CliRunner().invoke(main, ["train", *folders, "--device", "cuda:99"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: device cuda:99 can't be used")


def test_a_folder_without_captions_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback for what the user can fix."""
    monkeypatch.setattr(command, "NEEDED", ())
    result = CliRunner().invoke(
        main, ["train", "--data", str(tmp_path), "--emoji", str(tmp_path), "--out", str(tmp_path)]
    )
    assert result.exit_code == 1
    assert "holds no captions.tsv" in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_one_folder_is_for_one_training_at_a_time(tmp_path: Path) -> None:
    """Two would write the same files."""
    call = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    with occupied(tmp_path / "out"):
        result = CliRunner().invoke(main, call)
    assert result.exit_code == 1
    assert f"another training is at work in {tmp_path / 'out'}" in result.output
    assert "holds no captions.tsv" in CliRunner().invoke(main, call).output


def test_an_out_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read: the pictures may take minutes."""
    monkeypatch.setattr(command, "NEEDED", ())
    file = tmp_path / "file"
    file.touch()
    call = ["train", "--data", str(tmp_path), "--out", str(file / "out")]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1
    assert "Not a directory" in result.output
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
    ],
)
def test_want_of_memory_is_one_line(error: Exception) -> None:
    """The message says what to do; numpy and torch report it differently."""
    with (
        pytest.raises(click.ClickException, match="memory ran out: buy more"),
        errors_in_one_line(memory_advice="buy more"),
    ):
        raise error


@pytest.mark.parametrize(
    "bug",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        ValueError("operands could not be broadcast together"),
    ],
)
def test_a_bug_is_no_line(bug: Exception) -> None:
    """The traceback is needed to fix it."""
    with pytest.raises(type(bug)), errors_in_one_line(memory_advice="buy more"):
        raise bug


def test_ctrl_c_says_that_the_same_command_goes_on(
    photograph_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 130, as in shells, so that scripts stop too."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tihua_server.training.tiny_training.train_tiny", interrupted)
    call = ["train", "--data", str(photograph_folder), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 130
    assert "stopped; the same command continues after the last epoch" in result.output


def test_the_packaged_model_is_named_though_a_folder_is_called_so(
    photograph_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If --out is that folder, it exists when the training is resumed."""
    (photograph_folder / "captions.tsv").unlink()
    monkeypatch.chdir(tmp_path)
    call = ["train", "--data", str(photograph_folder), "--start", "tihua-tiny"]
    for _ in range(2):
        # Had it read the folder for a model, it would have complained of that before the pictures.
        result = CliRunner().invoke(main, [*call, "--out", "tihua-tiny"])
        assert "holds no captions.tsv" in result.output


def test_a_start_that_is_no_model_is_told_before_the_pictures_are_read(
    photograph_folder: Path, tmp_path: Path
) -> None:
    """To decode them all may take minutes."""
    call = ["train", "--data", str(photograph_folder), "--out", str(tmp_path / "out")]
    table = photograph_folder / "captions.tsv"
    result = CliRunner().invoke(main, [*call, "--start", str(table)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: captions.tsv is damaged or no tihua-tiny model")


def test_a_start_of_another_kind_has_a_command_of_its_own(tmp_path: Path) -> None:
    """Each names the other."""
    folders = ["--data", str(tmp_path), "--out", str(tmp_path / "out")]
    other = "is fine-tuned by another command: tihua-server"
    told = CliRunner().invoke(main, ["train", *folders, "--start", "ViT-B-16"]).output
    assert f"ViT-B-16 {other} fine-tune --model ViT-B-16" in told
    told = CliRunner().invoke(main, ["fine-tune", *folders, "--model", "tihua-tiny"]).output
    assert f"tihua-tiny {other} train --start tihua-tiny" in told


@pytest.mark.parametrize(("start", "is_told"), [([], True), (["--start", "tihua-tiny"], False)])
def test_photographs_alone_go_on_from_the_packaged_model_if_asked(
    tmp_path: Path, start: list[str], *, is_told: bool
) -> None:
    """Without --start, a line says that the result has nothing of the packaged model."""
    call = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "out"), *start]
    told = CliRunner().invoke(main, call).output
    assert ("from ImageNet's weights; --start tihua-tiny continues from the" in told) == is_told


@pytest.mark.parametrize("command", ["train", "fine-tune"])
def test_a_seed_that_torch_cannot_take_is_refused(command: str) -> None:
    """Before anything is read."""
    result = CliRunner().invoke(main, [command, "--seed", str(2**63)])
    assert result.exit_code == 2
    assert "is not in the range 0<=x<=9223372036854775807" in result.output


@pytest.mark.usefixtures("torch_alone")
def test_what_was_made_is_told_in_a_few_lines(photograph_folder: Path, tmp_path: Path) -> None:
    """File, settings and recall; the rest is in the checkpoint."""
    call = ["train", "--data", str(photograph_folder), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, [*call, "--start", "tihua-tiny", "--head-epochs", "1"])
    assert result.exit_code == 0, result.output
    model, how, found = result.stdout.splitlines()
    assert model.startswith(f"{tmp_path / 'out' / 'tihua-tiny.safetensors'}: ")
    assert re.fullmatch(r"\d+ minutes since .* given, with seed 0 and a rate of 0\.0003", how)
    assert found.startswith("caption → photograph: ")


@pytest.mark.parametrize("more", [[], ["--emoji", "."]])
def test_one_picture_is_not_enough(
    photograph_folder: Path, tmp_path: Path, more: list[str]
) -> None:
    """Nothing would be learned from it; and it has no covariance, which emoji need."""
    (photograph_folder / "captions.tsv").write_text(
        "image\tcaption\ntrain/a.jpg\t狗\n", encoding="utf-8"
    )
    call = ["train", "--data", str(photograph_folder), "--out", str(tmp_path / "out"), *more]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1
    assert "1 picture has nothing to be told apart from: add others to train/" in result.output
