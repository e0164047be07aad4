"""Makes tihua-tiny: from materials to the one file that the server loads."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from tihua_server.config import Config
from tihua_server.encoders import load_encoder
from tihua_server.tiny_network import ImageTower, TinyNetwork
from tihua_server.tokenizer import Tokenizer
from tihua_server.training.album import Album
from tihua_server.training.backbone import load_backbone
from tihua_server.training.curve import Curve
from tihua_server.training.evaluation import evaluate
from tihua_server.training.features import FeatureCache, HalfArray, pool_maps
from tihua_server.training.materials import Materials
from tihua_server.training.model_file import write_model
from tihua_server.training.photographs import Photographs
from tihua_server.training.pictures import PictureSource, TextSource
from tihua_server.training.prototypes import Prototypes
from tihua_server.training.recall import Recall, recall
from tihua_server.training.recipe import Recipe
from tihua_server.training.retrieval import caption_task, emoji_tasks
from tihua_server.training.trainer import Trainer
from tihua_server.training.vocabulary import Vocabulary, pad
from tihua_server.types import TokenArray

MODEL_FILE = "tihua-tiny.safetensors"

EMOJI_SHARE = 0.6
COMPOSITION_SHARE = 0.5
PROTOTYPE_SHARE = 0.15
"""Parts of the emoji pictures, of the compositions and of the ImageNet draws in one epoch."""


def train_tiny(materials: Materials, recipe: Recipe, out: Path, *, device: str) -> tuple[Path, str]:
    """Train, and return the model's file and its sha256.

    Args:
        materials: what to learn from.
        recipe: how.
        out: a folder for features, checkpoints, curve and model; a run that was stopped goes on
            from what is there.
        device: where to compute, as torch names it.
    """
    torch.manual_seed(recipe.seed)
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
        albums = _albums(materials, recipe, cache, progress)
        validation = materials.validation
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
            network,
            albums,
            tokens,
            recipe,
            folder=out,
            device=device,
            validate=validate,
            curve=Curve(out),
        )
        trainer.train(progress)
    model = out / MODEL_FILE
    return model, write_model(network, model)


def evaluate_tiny(materials: Materials, model: Path, *, device: str) -> Iterator[str]:
    """Yield a line for each task that the model was measured by, as it is served in fp32."""
    config = Config(model_path=model, device=device, engine="torch", precision="fp32")
    encoder = load_encoder(config)
    tasks = caption_task(materials.validation), *emoji_tasks(materials.test, materials.emoji[0])
    for task in tasks:
        yield f"{task.name}: {evaluate(encoder, task)}"


def _albums(
    materials: Materials, recipe: Recipe, cache: FeatureCache, progress: Progress
) -> list[Album]:
    photographs = _album(cache, materials.photographs, progress, share=1.0, has_captions=True)
    return [
        photographs,
        *(_album(cache, one, progress, share=EMOJI_SHARE) for one in materials.emoji),
        _album(cache, materials.compositions, progress, share=COMPOSITION_SHARE),
        _prototypes(photographs.pooled[0], recipe),
    ]


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
) -> Callable[[TinyNetwork], Recall]:
    texts = [(tokens[text], at) for at in range(len(source)) for text in source.texts(at)]
    ids = pad([text for text, _ in texts])
    wanted = [at for _, at in texts]

    def validate(network: TinyNetwork) -> Recall:
        pooled = pool_maps(network.image, maps, recipe.frozen_blocks, device)
        with torch.inference_mode():
            pictures = network.image.embed(pooled).cpu().numpy()
            words = network.text(ids.to(pooled.device)).cpu().numpy()
        return recall(words, np.asarray(pictures), wanted)

    return validate


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )
