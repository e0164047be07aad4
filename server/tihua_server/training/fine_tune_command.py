"""The command that fine-tunes Chinese-CLIP: `tihua-server fine-tune`.

It imports click and the server's defaults: torch takes seconds, and `--help` needs none of it.
"""

import functools
import importlib.util
import shlex
from pathlib import Path

import click

from tihua_server.config import DEFAULT_MODEL, MODEL_SOURCES, Config
from tihua_server.extras import install_hint
from tihua_server.option_types import HomePath

DEFAULTS = Config()

NEEDED = ("torch", "cn_clip", "matplotlib")
"""Modules that fine-tuning needs at some point; the extra `train` installs them."""

POSITIVE = click.IntRange(min=1)


@click.command("fine-tune", context_settings={"max_content_width": 100})
@click.option("--model", required=True, help="ViT-B-16, ViT-L-14, ViT-L-14-336, ViT-H-14 or RN50.")
@click.option(
    "--model-path",
    type=HomePath(exists=True, dir_okay=False),
    help="Checkpoint of that model to start from; if unset, the published one is fetched.",
)
@click.option(
    "--data",
    type=HomePath(exists=True),
    required=True,
    help="Folder of your pictures: captions.tsv, train/, and val/ to measure by; or a tar archive "
    "of one, which is read into memory.",
)
@click.option(
    "--out",
    type=HomePath(file_okay=False),
    required=True,
    help="Folder for checkpoint, curve and model; a stopped run continues from it. Needs 32 bytes "
    "per weight: 6 GB for ViT-B-16.",
)
@click.option(
    "--model-source",
    envvar="TIHUA_MODEL_SOURCE",
    show_envvar=True,
    type=click.Choice(MODEL_SOURCES),
    default=DEFAULTS.model_source,
    show_default=True,
    help="Hub to fetch the published checkpoint from.",
)
@click.option(
    "--model-dir",
    envvar="TIHUA_MODEL_DIR",
    show_envvar=True,
    type=HomePath(),
    default=DEFAULTS.model_dir,
    show_default=True,
    help="Where fetched checkpoints are kept.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    metavar="NUMBER",
    default=0,
    show_default=True,
    help="Seed of all random choices.",
)
@click.option(
    "--epochs",
    type=POSITIVE,
    metavar="NUMBER",
    show_default="3, or as many more as make 300 steps",
    help="Passes over all pairs.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=2),
    metavar="NUMBER",
    default=128,
    show_default=True,
    help="Pairs per step, each of a different picture. Negatives come from the same batch, so more "
    "is better; lower it if memory runs out.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="NUMBER",
    default=5e-5,
    show_default=True,
    help="Learning rate.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def fine_tune(
    model: str,
    model_path: Path | None,
    data: Path,
    out: Path,
    model_source: str,
    model_dir: Path,
    seed: int,
    epochs: int | None,
    batch_size: int,
    rate: float,
    device: str,
) -> None:
    """Fine-tune Chinese-CLIP on your own pictures and captions.

    captions.tsv has a header and two columns separated by a tab, image and caption; an image is
    train/a.jpg or val/b.jpg. Without train/, all pictures outside val/ and test/ are learned from.
    --out gets the model, a checkpoint in cn_clip's format. With val/, the weights that score best
    there are written; those of the start compete too.

    \b
    Examples:
      tihua-server fine-tune --model ViT-B-16 --data photos/ --out build/mine
      tihua-server fine-tune --model ViT-B-16 --model-path clip_cn_vit-b-16.pt --data photos/ \\
          --out build/mine --device cuda:0 --epochs 5
      tihua-server --model ViT-B-16 --model-path build/mine/clip_cn_vit-b-16.pt     # serve it
    """  # noqa: D301  # click wants the backspace itself
    if model == DEFAULT_MODEL:
        raise click.ClickException(
            f"{model} is fine-tuned by another command: tihua-server train --start {model}"
        )
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(f"{', '.join(missing)}: not installed; {install_hint('train')}")
    from tihua_server.training.failures import errors_in_one_line
    from tihua_server.training.fine_tune_recipe import FineTuneRecipe
    from tihua_server.training.fine_tuning import fine_tune_model

    recipe = FineTuneRecipe(seed=seed, epochs=epochs, batch_size=batch_size, rate=rate)
    remedy = f"use a --batch-size below {batch_size}"
    with errors_in_one_line(memory_advice=remedy):
        file = fine_tune_model(
            model,
            model_path,
            data,
            out,
            recipe,
            device=device,
            source=model_source,
            cache_dir=model_dir.expanduser(),
            tell=functools.partial(click.echo, err=True),
        )
    path = shlex.quote(str(file))
    click.echo(f"{file}: serve it with tihua-server --model {model} --model-path {path}")
