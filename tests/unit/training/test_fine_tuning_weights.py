"""The weights that a fine-tuning writes, with and without a stop."""

from pathlib import Path

import pytest
import torch
from small_fine_tuning import (
    RECIPE,
    fine_tune_small,
    stop_before_epoch_2_is_told,
)
from tihua_server.clip.checkpoint import read_checkpoint
from tihua_server.training.curve import Curve
from tihua_server.training.fine_tuner import LATEST, FineTuner
from tihua_server.training.photographs import Photographs
from tihua_server.training.recall import Recall


def test_a_stopped_run_ends_where_an_unbroken_one_does(
    state: dict[str, torch.Tensor],
    coloured: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Weights, optimizer, rate and draws continue from the epoch that it stopped after."""
    unbroken = fine_tune_small(state, coloured, tmp_path / "unbroken", RECIPE)

    stop_before_epoch_2_is_told(
        monkeypatch, lambda: fine_tune_small(state, coloured, tmp_path / "broken", RECIPE)
    )
    capsys.readouterr()
    resumed = fine_tune_small(state, coloured, tmp_path / "broken", RECIPE)
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
    """A line says which, after a stop too, and nothing is measured twice."""
    measured: list[dict[str, torch.Tensor]] = []

    def found(tuner: FineTuner, _: Photographs) -> Recall:
        weights = tuner._network.state_dict()
        measured.append({name: each.clone() for name, each in weights.items()})
        return Recall({1: 0.0, 5: 0.0, 10: shares[len(measured) - 1]}, median_rank=1, queries=1)

    monkeypatch.setattr(FineTuner, "_recall", found)
    if is_stopped:
        stop_before_epoch_2_is_told(
            monkeypatch, lambda: fine_tune_small(state, coloured, tmp_path / "out", RECIPE)
        )
    written = read_checkpoint(fine_tune_small(state, coloured, tmp_path / "out", RECIPE))
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
    """A line says that nothing was measured."""
    model = fine_tune_small(state, coloured, tmp_path / "out", RECIPE, is_measured=False)
    assert "the weights after the last epoch; nothing was measured" in capsys.readouterr().err
    last = read_checkpoint(tmp_path / "out" / LATEST)
    for name, tensor in read_checkpoint(model).items():
        torch.testing.assert_close(tensor, last[name], msg=name)


@pytest.mark.gpu
def test_a_run_on_a_gpu_goes_on_after_a_stop(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The optimizer's step counts stay on the CPU: otherwise each step would wait for them."""
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    fine_tune_small(state, coloured, unbroken, RECIPE, "cuda:0")
    stop_before_epoch_2_is_told(
        monkeypatch, lambda: fine_tune_small(state, coloured, broken, RECIPE, "cuda:0")
    )
    fine_tune_small(state, coloured, broken, RECIPE, "cuda:0")
    losses = [[point.loss for point in Curve(out).points[1:]] for out in (unbroken, broken)]
    # A GPU adds up in another order each time.
    assert losses[1] == pytest.approx(losses[0], rel=0.1, abs=0.05)
    saved = torch.load(broken / LATEST, weights_only=True)
    steps = [each["step"].device.type for each in saved["optimizer"]["state"].values()]
    assert set(steps) == {"cpu"}


def test_a_model_is_where_another_training_begins(
    state: dict[str, torch.Tensor], coloured: Path, tmp_path: Path
) -> None:
    """cn_clip's training resumes at epoch and step, but the weights may be of any epoch."""
    model = fine_tune_small(state, coloured, tmp_path / "out", RECIPE)
    places = [
        (saved["epoch"], saved["step"])
        for saved in (
            torch.load(file, weights_only=True) for file in (model, model.with_name(LATEST))
        )
    ]
    assert places == [(0, 0), (3, 3)]
