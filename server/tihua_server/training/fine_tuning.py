"""Fine-tunes a Chinese-CLIP model on a folder of captioned pictures, and writes a checkpoint."""

from collections.abc import Callable
from pathlib import Path

from tihua_server.clip.chinese_clip import named_architecture, read_weights
from tihua_server.clip.devices import torch_device
from tihua_server.training.fine_tune_recipe import FineTuneRecipe
from tihua_server.training.fine_tuner import FineTuner
from tihua_server.training.out_folder import occupied
from tihua_server.training.photographs import read_splits
from tihua_server.training.progress import training_progress

VIEWS = 16
"""Views of each picture: whole, and fixed crops; each epoch draws one of them."""


def fine_tune_model(
    name: str,
    path: Path | None,
    data: Path,
    out: Path,
    recipe: FineTuneRecipe,
    *,
    device: str,
    source: str,
    cache_dir: Path,
    tell: Callable[[str], None],
) -> Path:
    """Fine-tune a published model or a checkpoint of one, and return the new checkpoint.

    Args:
        name: cn_clip's name of the model.
        path: the checkpoint to start from; None fetches the published one.
        data: folder or tar archive: captions.tsv, train/, and val/ to measure by.
        out: folder for checkpoint, curve and model; made if absent.
        recipe: how to train.
        device: `auto`, or as torch names it.
        source: the hub to fetch from, one of `tihua_server.config.MODEL_SOURCES`.
        cache_dir: where fetched checkpoints are kept.
        tell: called with lines for people about what was found in `data`.

    Raises:
        ModelError: the model can't be fetched or read.
        FileNotFoundError: `data` holds no captions.
        OSError: `out` can't be written.
        TrainingError: `data` holds fewer than two pictures to train on, or some that can't be read;
            `out` has a checkpoint that is damaged or of another training, or another training is at
            work there; or the loss is infinite or NaN.
    """
    named_architecture(name)
    chosen = str(torch_device(device))
    with occupied(out):
        # Before the model, which may be gigabytes to fetch.
        photographs, validation = read_splits(data, views=VIEWS, seed=recipe.seed, tell=tell)
        architecture, state = read_weights(name, path=path, source=source, cache_dir=cache_dir)
        tuner = FineTuner(architecture, state, recipe, folder=out, device=chosen)
        with training_progress() as progress:
            return tuner.train(photographs, validation, progress)
