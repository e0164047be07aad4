"""From a folder of captioned pictures and a Chinese-CLIP model to one that knows them."""

from pathlib import Path

from tihua_server.checkpoint import SOURCES
from tihua_server.chinese_clip import read_weights
from tihua_server.config import Config
from tihua_server.devices import torch_device
from tihua_server.training.fine_tuner import FineTuner, FineTuneRecipe
from tihua_server.training.photographs import Photographs, validation_photographs
from tihua_server.training.progress import training_progress

VIEWS = 16
"""Ways in which each picture is cropped and mirrored, drawn anew every epoch."""


def fine_tune_model(
    name: str, path: Path | None, data: Path, out: Path, recipe: FineTuneRecipe, *, device: str
) -> Path:
    """Fine-tune a published model or a checkpoint of one, and return the file made.

    Args:
        name: cn_clip's name of the model.
        path: the checkpoint to start from; None fetches the published one.
        data: folder or tar archive: captions.tsv, train/, and val/ to measure by.
        out: where checkpoint, curve and model go; made when absent.
        recipe: how.
        device: `auto`, or as torch names it.

    Raises:
        ModelError: the model can't be had.
        FileNotFoundError: `data` holds no captions.
        ValueError: it holds none of pictures under train/, or fewer than a batch takes.
    """
    photographs = Photographs(data, "train", views=VIEWS, seed=recipe.seed)
    validation = validation_photographs(data, seed=recipe.seed)
    chosen = str(torch_device(device))
    cache_dir = Config().model_dir
    architecture, state = read_weights(name, path=path, source=SOURCES[0], cache_dir=cache_dir)
    out.mkdir(parents=True, exist_ok=True)
    tuner = FineTuner(architecture, state, recipe, folder=out, device=chosen)
    with training_progress() as progress:
        return tuner.train(photographs, validation, progress)
