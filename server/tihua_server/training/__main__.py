"""Trains `tihua-tiny`: `python -m tihua_server.training --data … --emoji … --out …`."""

import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from tihua_server.tiny_clip import load_tiny_clip
from tihua_server.tiny_network import ImageTower, TinyNetwork
from tihua_server.tokenizer import Tokenizer
from tihua_server.training.album import Album
from tihua_server.training.backbone import load_backbone
from tihua_server.training.compositions import Compositions
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, Emoji, read_names
from tihua_server.training.evaluation import evaluate_emoji, evaluate_photographs
from tihua_server.training.features import FeatureCache, HalfArray, pool_maps
from tihua_server.training.model_file import write_model
from tihua_server.training.photographs import Photographs
from tihua_server.training.pictures import PictureSource, TextSource
from tihua_server.training.prototypes import Prototypes
from tihua_server.training.recall import recall
from tihua_server.training.recipe import Recipe
from tihua_server.training.trainer import Trainer
from tihua_server.training.vocabulary import Vocabulary, pad
from tihua_server.types import TokenArray

DEFAULTS = Recipe()

EMOJI_SHARE = 0.6
COMPOSITION_SHARE = 0.5
PROTOTYPE_SHARE = 0.15
"""Parts of the emoji pictures, of the compositions and of the ImageNet draws in one epoch."""


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder or tar archive of photographs: captions.tsv, train/, val/.",
)
@click.option(
    "--emoji",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of npm packages (node_modules) with the emoji sets.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Where features, checkpoints and the model go; a stopped run goes on from there.",
)
@click.option("--seed", default=0, show_default=True, help="Of every draw.")
@click.option("--head-epochs", default=DEFAULTS.head_epochs, show_default=True)
@click.option("--block-epochs", default=DEFAULTS.block_epochs, show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cpu, or cuda:0.")
def main(
    data: Path, emoji: Path, out: Path, seed: int, head_epochs: int, block_epochs: int, device: str
) -> None:
    """Train tihua-tiny on captioned photographs and emoji, and measure it.

    Example: python -m tihua_server.training --data flickr8kcn-160.tar --emoji node_modules
    --out build/tiny
    """
    recipe = Recipe(seed=seed, head_epochs=head_epochs, block_epochs=block_epochs)
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    photographs = Photographs(data, "train", views=recipe.photograph_views, seed=seed)
    validation = Photographs(data, "val", views=1, seed=seed)
    names = read_names(emoji)
    sets = [Emoji(emoji, one, names, views=recipe.emoji_views, seed=seed) for one in TRAINING_SETS]
    compositions = Compositions(sets, photographs, count=recipe.compositions, seed=seed)
    torch.manual_seed(seed)
    tower = ImageTower(recipe.shape).eval()
    load_backbone(tower)
    cache = FeatureCache(
        out / "features",
        tower,
        frozen_blocks=recipe.frozen_blocks,
        image_size=recipe.shape.image_size,
        device=device,
    )
    with _progress() as progress:
        albums = [
            _album(cache, photographs, progress, share=1.0, has_captions=True),
            *(_album(cache, one, progress, share=EMOJI_SHARE) for one in sets),
            _album(cache, compositions, progress, share=COMPOSITION_SHARE),
        ]
        albums.append(_prototypes(albums[0].pooled[0], recipe))
        tokens = _tokens([validation, *(album.source for album in albums)])
        vocabulary = Vocabulary.of(
            _training_texts(albums, tokens),
            max_pairs=recipe.max_bigrams,
            min_pair_count=recipe.min_bigram_count,
        )
        network = TinyNetwork(vocabulary.shape(recipe.shape)).eval()
        network.image.load_state_dict(tower.state_dict())
        vocabulary.fill(network.text)
        validate = _validation(
            cache.maps(validation, 0, progress), validation, tokens, recipe, device
        )
        trainer = Trainer(
            network, albums, tokens, recipe, folder=out, device=device, validate=validate
        )
        trainer.train(progress)
    model = out / "tihua-tiny.safetensors"
    digest = write_model(network, model)
    click.echo(f"{model}: {model.stat().st_size / 1e6:.1f} MB, sha256 {digest}")
    click.echo(f"{(time.monotonic() - started) / 60:.0f} minutes, {dataclasses.asdict(recipe)}")
    encoder = load_tiny_clip(model, device=device)
    for line in evaluate_photographs(encoder, validation):
        click.echo(line)
    test = Emoji(emoji, TEST_SET, names, views=1, seed=seed)
    for line in evaluate_emoji(encoder, test, sets[0]):
        click.echo(line)


def _tokens(sources: Iterable[TextSource]) -> dict[str, TokenArray]:
    tokenizer = Tokenizer()
    texts = {text for one in sources for index in range(len(one)) for text in one.texts(index)}
    return {text: tokenizer.tokenize(text).ids for text in sorted(texts)}


def _training_texts(albums: list[Album], tokens: dict[str, TokenArray]) -> Iterator[TokenArray]:
    for album in albums:
        for index in range(len(album.source)):
            yield from (tokens[text] for text in album.source.texts(index))


def _album(
    cache: FeatureCache,
    source: PictureSource,
    progress: Progress,
    *,
    share: float,
    has_captions: bool = False,
) -> Album:
    maps = tuple(cache.maps(source, view, progress) for view in range(source.views))
    return Album(
        source=source,
        maps=maps,
        pooled=tuple(
            torch.from_numpy(cache.pooled(source, view, progress)) for view in range(source.views)
        ),
        share=share,
        has_captions=has_captions,
    )


def _prototypes(photographs: Tensor, recipe: Recipe) -> Album:
    source = Prototypes(photographs.numpy(), draws=recipe.prototype_draws, seed=recipe.seed)
    return Album(
        source=source,
        maps=(),
        pooled=(torch.from_numpy(source.features),),
        share=PROTOTYPE_SHARE,
        has_captions=False,
    )


def _validation(
    maps: HalfArray, source: Photographs, tokens: dict[str, TokenArray], recipe: Recipe, device: str
) -> Callable[[TinyNetwork], str]:
    texts = [(tokens[text], at) for at in range(len(source)) for text in source.texts(at)]
    ids = pad([text for text, _ in texts])
    wanted = [at for _, at in texts]

    def validate(network: TinyNetwork) -> str:
        pooled = pool_maps(network.image, maps, recipe.frozen_blocks, device)
        with torch.inference_mode():
            pictures = network.image.embed(pooled).cpu().numpy()
            words = network.text(ids.to(pooled.device)).cpu().numpy()
        return f"val {recall(words, np.asarray(pictures), wanted)}"

    return validate


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )


if __name__ == "__main__":
    main()
