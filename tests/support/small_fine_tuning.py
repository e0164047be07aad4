"""Fine-tunes a Chinese-CLIP so small that it memorizes two pictures."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from random_checkpoint import random_state
from small_clip import SIZES
from tihua_server.clip.architecture import Architecture
from tihua_server.clip.torchvision_operators import define_missing_operators
from tihua_server.training.curve import Curve, Point
from tihua_server.training.fine_tune_recipe import FineTuneRecipe
from tihua_server.training.fine_tuner import FineTuner
from tihua_server.training.photographs import Photographs
from tihua_server.training.progress import training_progress

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


def small_state() -> dict[str, torch.Tensor]:
    """Return random weights with which activations don't vanish, and CLIP's scale."""
    define_missing_operators()
    return random_state(SMALL) | {"logit_scale": torch.tensor(1 / 0.07).log()}


def fine_tune_small(
    state: dict[str, torch.Tensor],
    data: Path,
    out: Path,
    recipe: FineTuneRecipe,
    device: str = "cpu",
    *,
    is_measured: bool = True,
) -> Path:
    """Fine-tune on `data`/train, validated on `data`/val unless not measured; return the model."""
    out.mkdir(exist_ok=True)
    photographs = Photographs(data, "train", views=2, seed=0)
    validation = Photographs(data, "val", views=1, seed=0) if is_measured else None
    tuner = FineTuner(SMALL, state, recipe, folder=out, device=device)
    with training_progress() as progress:
        return tuner.train(photographs, validation, progress)


class _StoppedError(Exception):
    pass


def stop_before_epoch_2_is_told(
    monkeypatch: pytest.MonkeyPatch, train: Callable[[], object]
) -> None:
    """Train until epoch 2 is about to be recorded; its checkpoint has been written."""
    record = Curve.record

    def stop(curve: Curve, point: Point) -> None:
        if point.epoch == 2:
            raise _StoppedError
        record(curve, point)

    with monkeypatch.context() as patch:
        patch.setattr(Curve, "record", stop)
        with pytest.raises(_StoppedError):
            train()
