"""Fine-tuning of a Chinese-CLIP so small that it memorizes two pictures."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from small_fine_tuning import RECIPE, SMALL, fine_tune_small
from tihua_server.cli import main
from tihua_server.clip.chinese_clip import read_chinese_clip
from tihua_server.training import fine_tune_command
from tihua_server.training.curve import Curve
from tihua_server.training.failures import TrainingError
from tihua_server.training.fine_tune_recipe import FineTuneRecipe
from tihua_server.training.fine_tuner import FineTuner


def test_it_learns_and_the_server_reads_what_it_wrote(
    state: dict[str, torch.Tensor],
    coloured: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The loss falls, and the checkpoint is one that `--model-path` takes."""
    with (coloured / "captions.tsv").open("a", encoding="utf-8") as table:
        for more in ("的", "的图", "一片"):
            table.write(f"\ntrain/r.png\t红色{more}\ntrain/b.png\t蓝色{more}")
    recipe = replace(RECIPE, epochs=15, rate=3e-4)
    model = fine_tune_small(state, coloured, tmp_path / "out", recipe, is_measured=False)
    with (tmp_path / "out" / "curve.tsv").open(encoding="utf-8") as table:
        points = list(csv.DictReader(table, delimiter="\t"))
    losses = [float(point["loss"]) for point in points]
    assert sum(losses[-3:]) < 0.5 * sum(losses[:3])
    monkeypatch.setattr("tihua_server.clip.chinese_clip.architectures", lambda: (SMALL,))
    before = read_chinese_clip("small", path=_written(state, tmp_path / "before.pt"))
    after = read_chinese_clip("small", path=model)
    assert after.ref.fingerprint != before.ref.fingerprint
    assert after.dim == before.dim


def test_a_few_pictures_are_seen_often_and_measured_seldom(
    state: dict[str, torch.Tensor],
    coloured: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With one step an epoch, every fourth epoch and the last are kept."""
    assert FineTuneRecipe().epochs_of(batches=3) == 100
    assert FineTuneRecipe().epochs_of(batches=500) == 3
    fine_tune_small(state, coloured, tmp_path / "out", replace(RECIPE, epochs=6, kept_steps=4))
    told = capsys.readouterr().err
    assert "6 steps: 6 epochs of 1" in told
    assert [line[:8] for line in told.splitlines() if ": loss" in line] == ["epoch 4:", "epoch 6:"]
    assert [one.epoch for one in Curve(tmp_path / "out").points if one.recall_at_10] == [0, 4, 6]


def test_the_folder_of_another_training_is_refused(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path
) -> None:
    """Otherwise its old weights would pass for the result."""
    recipe = replace(RECIPE, epochs=1)
    fine_tune_small(state, coloured, tmp_path / "out", recipe)
    assert fine_tune_small(state, coloured, tmp_path / "out", recipe).exists()
    other_state = {name: tensor + 1 for name, tensor in state.items()}
    captions = coloured / "captions.tsv"
    told = captions.read_text(encoding="utf-8")
    for started, settings, text in (
        (state, replace(recipe, rate=2e-3), told),
        (other_state, recipe, told),
        (state, recipe, told.replace("红", "绿")),
    ):
        captions.write_text(text, encoding="utf-8")
        with pytest.raises(TrainingError, match=r"latest\.pt belongs to a training with another"):
            fine_tune_small(started, coloured, tmp_path / "out", settings)
    captions.write_text(told, encoding="utf-8")
    Image.new("RGB", (32, 32), "green").save(coloured / "train" / "r.png")
    with pytest.raises(TrainingError, match="with another model, data"):
        fine_tune_small(state, coloured, tmp_path / "out", recipe)
    (tmp_path / "out" / "latest.pt").write_bytes(b"cut short")
    with pytest.raises(TrainingError, match=r"latest\.pt is damaged: delete it"):
        fine_tune_small(state, coloured, tmp_path / "out", recipe)


def test_other_pictures_to_measure_by_are_another_training(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path
) -> None:
    """Recall among other pictures can't be compared; with the old ones the run continues."""
    recipe = replace(RECIPE, epochs=1)
    fine_tune_small(state, coloured, tmp_path / "out", recipe)
    picture = coloured / "val" / "r.png"
    content = picture.read_bytes()
    Image.new("RGB", (32, 32), "green").save(picture)
    with pytest.raises(TrainingError, match=r"latest\.pt belongs to a training with another model"):
        fine_tune_small(state, coloured, tmp_path / "out", recipe)
    picture.write_bytes(content)
    assert fine_tune_small(state, coloured, tmp_path / "out", recipe).exists()


def test_what_is_no_number_is_not_kept(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run can continue from the epoch before."""
    step, steps = FineTuner._step, iter(range(100))

    def lost(tuner: FineTuner, pixels: torch.Tensor, ids: torch.Tensor) -> float:
        return step(tuner, pixels, ids) if next(steps) == 0 else torch.nan

    with monkeypatch.context() as patch:
        patch.setattr(FineTuner, "_step", lost)
        with pytest.raises(TrainingError, match=r"epoch 2: the loss is nan, so nothing of this"):
            fine_tune_small(state, coloured, tmp_path / "out", RECIPE)
    saved = torch.load(tmp_path / "out" / "latest.pt", weights_only=True)
    assert saved["epoch"] == 1
    assert fine_tune_small(state, coloured, tmp_path / "out", RECIPE).exists()


def test_an_unknown_model_is_one_line(coloured: Path, tmp_path: Path) -> None:
    """With the known names, and no traceback."""
    call = ["fine-tune", "--model", "ViT-X", "--data", str(coloured), "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1
    assert "there is no model 'ViT-X'; Chinese-CLIP has: ViT-B-16" in result.output


def test_pictures_are_read_before_the_model(coloured: Path, tmp_path: Path) -> None:
    """Gigabytes may have to be fetched, but a table with commas is reported at once."""
    table = coloured / "captions.tsv"
    table.write_text("image\tcaption\ntrain/r.png,红色\n", encoding="utf-8")
    call = ["fine-tune", "--model", "RN50", "--data", str(coloured), "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(main, [*call, "--model-path", str(table)])
    assert result.exit_code == 1
    assert "line 2: no tab between image and caption in 'train/r.png,红色'" in result.output


def test_a_missing_extra_is_named(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read."""
    monkeypatch.setattr(fine_tune_command, "NEEDED", ("no_such_module",))
    call = ["fine-tune", "--model", "RN50", "--data", str(coloured), "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1
    assert "no_such_module: not installed; pip install . './server[train]'" in result.output


def _written(state: dict[str, torch.Tensor], path: Path) -> Path:
    torch.save({"state_dict": state}, path)
    return path
