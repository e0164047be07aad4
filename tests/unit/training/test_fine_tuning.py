"""Fine-tuning, on a Chinese-CLIP so small that it learns two pictures by heart."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from coloured_pairs import write_coloured_pairs
from PIL import Image
from random_checkpoint import random_state
from small_clip import SIZES
from tihua_server.architecture import Architecture
from tihua_server.checkpoint import read_checkpoint
from tihua_server.chinese_clip import read_chinese_clip
from tihua_server.cli import main
from tihua_server.torchvision_operators import define_missing_operators
from tihua_server.training import fine_tune_command
from tihua_server.training.curve import Curve, Point
from tihua_server.training.fine_tune_recipe import FineTuneRecipe
from tihua_server.training.fine_tuner import LATEST, FineTuner
from tihua_server.training.photographs import Photographs
from tihua_server.training.progress import training_progress
from tihua_server.training.recall import Recall

SMALLER = {
    **SIZES,
    "image_resolution": 32,
    "vision_width": 64,
    "text_hidden_size": 32,
    "text_intermediate_size": 64,
    "text_num_attention_heads": 2,
}
SMALL = Architecture("small", SMALLER)
RECIPE = FineTuneRecipe(epochs=3, batch_size=2, rate=1e-3, kept_steps=1)


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """Return random weights, with which signals do not die on their way, and CLIP's scale."""
    define_missing_operators()
    return random_state(SMALL) | {"logit_scale": torch.tensor(1 / 0.07).log()}


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    """A red and a blue picture to train on, and others of the same colours to measure by."""
    return write_coloured_pairs(tmp_path / "coloured")


class _StoppedError(Exception):
    pass


def _stop_before_epoch_2_is_told(
    monkeypatch: pytest.MonkeyPatch, train: Callable[[], object]
) -> None:
    record = Curve.record

    def stop(curve: Curve, point: Point) -> None:
        if point.epoch == 2:
            raise _StoppedError
        record(curve, point)

    with monkeypatch.context() as patch:
        patch.setattr(Curve, "record", stop)
        with pytest.raises(_StoppedError):
            train()


def _train(
    state: dict[str, torch.Tensor],
    data: Path,
    out: Path,
    recipe: FineTuneRecipe,
    device: str = "cpu",
    *,
    is_measured: bool = True,
) -> Path:
    out.mkdir(exist_ok=True)
    photographs = Photographs(data, "train", views=2, seed=0)
    validation = Photographs(data, "val", views=1, seed=0) if is_measured else None
    tuner = FineTuner(SMALL, state, recipe, folder=out, device=device)
    with training_progress() as progress:
        return tuner.train(photographs, validation, progress)


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
    model = _train(state, coloured, tmp_path / "out", recipe, is_measured=False)
    with (tmp_path / "out" / "curve.tsv").open(encoding="utf-8") as table:
        points = list(csv.DictReader(table, delimiter="\t"))
    losses = [float(point["loss"]) for point in points]
    assert sum(losses[-3:]) < 0.5 * sum(losses[:3])
    monkeypatch.setattr("tihua_server.chinese_clip.architectures", lambda: (SMALL,))
    before = read_chinese_clip("small", path=_written(state, tmp_path / "before.pt"))
    after = read_chinese_clip("small", path=model)
    assert after.ref.fingerprint != before.ref.fingerprint
    assert after.dim == before.dim


def test_a_stopped_run_ends_where_an_unbroken_one_does(
    state: dict[str, torch.Tensor],
    coloured: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Weights, optimizer, rate and draws are those of the epoch that it stopped after."""
    unbroken = _train(state, coloured, tmp_path / "unbroken", RECIPE)

    _stop_before_epoch_2_is_told(
        monkeypatch, lambda: _train(state, coloured, tmp_path / "broken", RECIPE)
    )
    capsys.readouterr()
    resumed = _train(state, coloured, tmp_path / "broken", RECIPE)
    assert "before: val R@10 100.0" in capsys.readouterr().err
    for file in (unbroken.name, LATEST):
        expected = read_checkpoint(unbroken.with_name(file))
        for name, tensor in read_checkpoint(resumed.with_name(file)).items():
            torch.testing.assert_close(tensor, expected[name], msg=name)
    # It was stopped before epoch 2 was recorded, and records it after all.
    curves = [(tmp_path / run / "curve.tsv").read_text() for run in ("broken", "unbroken")]
    assert [line.split("\t")[1] for line in curves[0].splitlines()] == ["epoch", "0", "1", "2", "3"]
    assert len(curves[0].splitlines()) == len(curves[1].splitlines())


@pytest.mark.parametrize("is_stopped", [False, True])
@pytest.mark.parametrize(
    ("shares", "best", "told"),
    [
        ([40, 50, 60, 55], 2, "the weights of epoch 2, val R@1/5/10 0.0/0.0/60.0; before, it was"),
        ([40, 39, 40, 38], 0, "val never rose above R@1/5/10 0.0/0.0/40.0 of the start"),
    ],
)
def test_the_weights_that_found_most_are_written(
    state: dict[str, torch.Tensor],
    coloured: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    shares: list[float],
    best: int,
    told: str,
    is_stopped: bool,
) -> None:
    """A line tells which; it is known after a stop too, and nothing is measured twice."""
    measured: list[dict[str, torch.Tensor]] = []

    def found(tuner: FineTuner, _: Photographs) -> Recall:
        weights = tuner._network.state_dict()
        measured.append({name: each.clone() for name, each in weights.items()})
        return Recall({1: 0.0, 5: 0.0, 10: shares[len(measured) - 1]}, median_rank=1, queries=1)

    monkeypatch.setattr(FineTuner, "_recall", found)
    if is_stopped:
        _stop_before_epoch_2_is_told(
            monkeypatch, lambda: _train(state, coloured, tmp_path / "out", RECIPE)
        )
    written = read_checkpoint(_train(state, coloured, tmp_path / "out", RECIPE))
    assert told in capsys.readouterr().err
    for name, tensor in measured[best].items():
        torch.testing.assert_close(written[name], tensor, msg=name)
    recorded = [one.recall_at_10 for one in Curve(tmp_path / "out").points]
    assert recorded == shares


def test_the_last_weights_are_written_where_nothing_is_measured(
    state: dict[str, torch.Tensor],
    coloured: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And a line says that nothing was."""
    model = _train(state, coloured, tmp_path / "out", RECIPE, is_measured=False)
    assert "the weights after the last epoch; nothing was measured" in capsys.readouterr().err
    last = read_checkpoint(tmp_path / "out" / LATEST)
    for name, tensor in read_checkpoint(model).items():
        torch.testing.assert_close(tensor, last[name], msg=name)


@pytest.mark.gpu
def test_a_run_on_a_gpu_goes_on_after_a_stop(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The optimizer's step counts are on the CPU as before: else each step would wait for them."""
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    _train(state, coloured, unbroken, RECIPE, "cuda:0")
    _stop_before_epoch_2_is_told(
        monkeypatch, lambda: _train(state, coloured, broken, RECIPE, "cuda:0")
    )
    _train(state, coloured, broken, RECIPE, "cuda:0")
    losses = [[point.loss for point in Curve(out).points[1:]] for out in (unbroken, broken)]
    # A GPU adds up in another order each time.
    assert losses[1] == pytest.approx(losses[0], rel=0.1, abs=0.05)
    saved = torch.load(broken / LATEST, weights_only=True)
    steps = [each["step"].device.type for each in saved["optimizer"]["state"].values()]
    assert set(steps) == {"cpu"}


def test_a_few_pictures_are_seen_often_and_measured_seldom(
    state: dict[str, torch.Tensor],
    coloured: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A step an epoch makes many epochs, of which every fourth is kept, and the last."""
    assert FineTuneRecipe().epochs_of(batches=3) == 100
    assert FineTuneRecipe().epochs_of(batches=500) == 3
    _train(state, coloured, tmp_path / "out", replace(RECIPE, epochs=6, kept_steps=4))
    told = capsys.readouterr().err
    assert "6 steps: 6 epochs of 1" in told
    assert [line[:8] for line in told.splitlines() if ": loss" in line] == ["epoch 4:", "epoch 6:"]
    assert [one.epoch for one in Curve(tmp_path / "out").points if one.recall_at_10] == [0, 4, 6]


def test_the_folder_of_another_training_is_refused(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path
) -> None:
    """Else its old weights would be taken for what was asked for."""
    recipe = replace(RECIPE, epochs=1)
    _train(state, coloured, tmp_path / "out", recipe)
    assert _train(state, coloured, tmp_path / "out", recipe).exists()
    other_state = {name: tensor + 1 for name, tensor in state.items()}
    captions = coloured / "captions.tsv"
    told = captions.read_text(encoding="utf-8")
    for started, settings, text in (
        (state, replace(recipe, rate=2e-3), told),
        (other_state, recipe, told),
        (state, recipe, told.replace("红", "绿")),
    ):
        captions.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"latest\.pt belongs to a training with another"):
            _train(started, coloured, tmp_path / "out", settings)
    captions.write_text(told, encoding="utf-8")
    Image.new("RGB", (32, 32), "green").save(coloured / "train" / "r.png")
    with pytest.raises(ValueError, match="with another model, data"):
        _train(state, coloured, tmp_path / "out", recipe)
    (tmp_path / "out" / "latest.pt").write_bytes(b"cut short")
    with pytest.raises(ValueError, match=r"latest\.pt is damaged: delete it"):
        _train(state, coloured, tmp_path / "out", recipe)


def test_other_pictures_to_measure_by_are_another_training(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path
) -> None:
    """What is found among them can't be compared; with those of before it goes on."""
    recipe = replace(RECIPE, epochs=1)
    _train(state, coloured, tmp_path / "out", recipe)
    picture = coloured / "val" / "r.png"
    content = picture.read_bytes()
    Image.new("RGB", (32, 32), "green").save(picture)
    with pytest.raises(ValueError, match=r"latest\.pt belongs to a training with another model"):
        _train(state, coloured, tmp_path / "out", recipe)
    picture.write_bytes(content)
    assert _train(state, coloured, tmp_path / "out", recipe).exists()


def test_one_picture_is_refused(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path
) -> None:
    """The other pictures are what one is told apart from."""
    captions = coloured / "captions.tsv"
    captions.write_text(captions.read_text(encoding="utf-8").replace("train/b", "val/b"))
    with pytest.raises(ValueError, match=r"1 picture has nothing to be told apart from"):
        _train(state, coloured, tmp_path / "out", RECIPE)


def test_what_is_no_number_is_not_kept(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The epoch before is there to go on from."""
    step, steps = FineTuner._step, iter(range(100))

    def lost(tuner: FineTuner, pixels: torch.Tensor, ids: torch.Tensor) -> float:
        return step(tuner, pixels, ids) if next(steps) == 0 else torch.nan

    with monkeypatch.context() as patch:
        patch.setattr(FineTuner, "_step", lost)
        with pytest.raises(ValueError, match=r"epoch 2: the loss is nan, so nothing of this epoch"):
            _train(state, coloured, tmp_path / "out", RECIPE)
    saved = torch.load(tmp_path / "out" / "latest.pt", weights_only=True)
    assert saved["epoch"] == 1
    assert _train(state, coloured, tmp_path / "out", RECIPE).exists()


def test_an_unknown_model_is_one_line(coloured: Path, tmp_path: Path) -> None:
    """The names that there are, and no traceback."""
    call = ["fine-tune", "--model", "ViT-X", "--data", str(coloured), "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1
    assert "there is no model 'ViT-X'; Chinese-CLIP has: ViT-B-16" in result.output


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
