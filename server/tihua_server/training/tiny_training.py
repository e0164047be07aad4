"""Makes tihua-tiny: from materials to the one file that the server loads."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor

from tihua_server.config import Config
from tihua_server.encoders import load_encoder
from tihua_server.memory import keep_freed_memory
from tihua_server.tiny_clip import MODEL_FILE
from tihua_server.tiny_network import ImageTower, TinyNetwork
from tihua_server.tokenizer import Tokenizer
from tihua_server.training.album import Album, Mixture
from tihua_server.training.augmentation import Window
from tihua_server.training.backbone import Classifier, imagenet_classifier, load_backbone
from tihua_server.training.bags import embed_texts
from tihua_server.training.curve import Curve
from tihua_server.training.evaluation import evaluate
from tihua_server.training.features import PictureCache, pool_pixels
from tihua_server.training.inheritance import hand_down
from tihua_server.training.materials import Materials
from tihua_server.training.model_file import write_model
from tihua_server.training.photographs import Photographs
from tihua_server.training.pictures import PictureSource, TextSource
from tihua_server.training.progress import training_progress
from tihua_server.training.prototypes import Prototypes
from tihua_server.training.recall import Recall, recall
from tihua_server.training.recipe import Recipe
from tihua_server.training.retrieval import caption_task, emoji_tasks
from tihua_server.training.trainer import Trainer
from tihua_server.training.vocabulary import Vocabulary
from tihua_server.training.windows import WindowCache
from tihua_server.types import TokenArray

# Emoji and compositions are not mirrored: some show letters, arrows or clocks.
PHOTOGRAPH_WINDOW = Window(0.6, 1.0, is_mirrored=True)
"""A part of a photograph."""

EMOJI_WINDOW = Window(1.0, 1.6)
"""An emoji, as large as the picture or smaller."""

COMPOSITION_WINDOW = Window(0.85, 1.0)
"""Most of a composition."""


def train_tiny(
    materials: Materials,
    recipe: Recipe,
    out: Path,
    *,
    device: str,
    start: TinyNetwork | None = None,
) -> tuple[Path, str]:
    """Train, and return the model's file and its sha256.

    Args:
        materials: what to learn from.
        recipe: how; the shape is the start's where there is one.
        out: a folder for features, checkpoints, curve and model; a run that was stopped goes on
            from what is there.
        device: where to compute, as torch names it.
        start: a network to fine-tune, left as it is; None starts from ImageNet's weights.

    Raises:
        TrainingError: `out` has a checkpoint of another training.
    """
    keep_freed_memory()
    torch.manual_seed(recipe.seed)
    shape = start.shape if start else recipe.shape
    tower = ImageTower(shape).eval()
    if start:
        tower.load_state_dict(start.image.state_dict())
    else:
        load_backbone(tower)
    cache = PictureCache(out / "features", tower, image_size=shape.image_size, device=device)
    windows = WindowCache(
        cache,
        tower,
        blocks=recipe.frozen_blocks,
        side=recipe.block_side,
        seed=recipe.seed,
        device=device,
    )
    with training_progress() as progress:
        albums = _Albums(cache, windows, recipe, progress, device)
        mixture = _mixture(materials, recipe, albums, has_own_tower=start is not None)
        # Of what is trained on alone: from them come also the foreign words around a name.
        tokens = _tokens(album.source for album in mixture.albums)
        vocabulary = Vocabulary.of(
            _training_texts(mixture.albums, tokens),
            max_pairs=recipe.max_bigrams,
            min_pair_count=recipe.min_bigram_count,
        )
        if start:
            vocabulary = vocabulary.united(Vocabulary.of_tower(start.text))
        network = TinyNetwork(vocabulary.shape(shape)).eval()
        network.image.load_state_dict(tower.state_dict())
        vocabulary.fill(network.text)
        if start:
            hand_down(start.text, network.text)
        validate = _validation(cache, materials.validation, recipe, device, progress)
        before = validate(network.to(device), True) if start and validate else None
        if before:
            progress.console.print(f"before: val {before}")
        trainer = Trainer(
            network,
            mixture,
            tokens,
            recipe,
            folder=out,
            device=device,
            validate=validate,
            measured_by=materials.validation.digest if materials.validation else "",
            before=before,
            curve=Curve(out),
        )
        trainer.train(progress)
        progress.console.print(trainer.best.told())
    model = out / MODEL_FILE
    return model, write_model(network, model)


def evaluate_tiny(materials: Materials, model: Path, *, device: str) -> Iterator[str]:
    """Yield a line for each task that the model was measured by, as it is served in fp32."""
    config = Config(model_path=model, device=device, engine="torch", precision="fp32")
    encoder = load_encoder(config)
    tasks = [caption_task(materials.validation)] if materials.validation else []
    if materials.test:
        tasks += emoji_tasks(materials.test, materials.emoji[0])
    for task in tasks:
        yield f"{task.name}: {evaluate(encoder, task)}"


def _mixture(
    materials: Materials,
    recipe: Recipe,
    albums: "_Albums",
    *,
    has_own_tower: bool,
) -> Mixture:
    photographs: list[Album] = []
    if materials.photographs:
        photographs.append(albums.of(materials.photographs, PHOTOGRAPH_WINDOW, has_captions=True))
    twins = [albums.of(one, EMOJI_WINDOW) for one in materials.emoji]
    others: list[Album] = []
    if materials.compositions:
        others.append(albums.of(materials.compositions, COMPOSITION_WINDOW))
    if materials.photographs and twins:
        classifier = imagenet_classifier()
        if has_own_tower:
            sources: list[PictureSource] = [materials.photographs, *materials.emoji]
            seen = zip(sources, [*photographs, *twins], strict=True)
            classifier = _moved(classifier, seen, albums)
        others.append(_prototypes(photographs[0].pooled[0], classifier, recipe))
    return Mixture(
        photographs,
        twins,
        others,
        captions_per_batch=recipe.captions_per_batch,
        twins_per_batch=recipe.twins_per_batch,
        others_per_batch=recipe.others_per_batch,
    )


def _tokens(sources: Iterable[TextSource]) -> dict[str, TokenArray]:
    tokenizer = Tokenizer()
    texts = {text for one in sources for index in range(len(one)) for text in one.texts(index)}
    return {text: tokenizer.tokenize(text).ids for text in sorted(texts)}


def _training_texts(
    albums: Iterable[Album], tokens: Mapping[str, TokenArray]
) -> Iterator[TokenArray]:
    for album in albums:
        for index in range(len(album.source)):
            yield from (tokens[text] for text in album.source.texts(index))


@dataclass(frozen=True, slots=True)
class _Albums:
    cache: PictureCache
    windows: WindowCache
    recipe: Recipe
    progress: Progress
    device: str

    def of(self, source: PictureSource, window: Window, *, has_captions: bool = False) -> Album:
        windows = None
        if self.recipe.block_epochs:
            recipe = self.recipe
            count = recipe.photograph_windows if has_captions else recipe.emoji_windows
            windows = self.windows.windows(source, window, count, self.progress)
        views = [self.cache.features(source, view, self.progress) for view in range(source.views)]
        return Album(
            source=source,
            pooled=tuple(torch.from_numpy(pooled) for pooled in views),
            has_captions=has_captions,
            windows=windows,
        )


def _moved(
    classifier: Classifier, seen: Iterable[tuple[PictureSource, Album]], albums: _Albums
) -> Classifier:
    """Return the classifier for a tower that is no longer ImageNet's, and saw these pictures."""
    tower = ImageTower(albums.recipe.shape).eval()
    load_backbone(tower)
    cache = PictureCache(
        albums.cache.folder, tower, image_size=albums.cache.image_size, device=albums.device
    )
    before, after = [], []
    for source, album in seen:
        before.append(cache.features(source, 0, albums.progress))
        after.append(album.pooled[0].numpy())
    return classifier.moved(np.concatenate(before), np.concatenate(after))


def _prototypes(photographs: Tensor, classifier: Classifier, recipe: Recipe) -> Album:
    source = Prototypes(
        photographs.numpy(), classifier, draws=recipe.prototype_draws, seed=recipe.seed
    )
    pooled = torch.from_numpy(source.features)
    return Album(source=source, pooled=(pooled,), has_captions=False)


def _validation(
    cache: PictureCache,
    source: Photographs | None,
    recipe: Recipe,
    device: str,
    progress: Progress,
) -> Callable[[TinyNetwork, bool], Recall] | None:
    if source is None:
        return None
    pixels = cache.pixels(source, progress) if recipe.block_epochs else None
    pooled = torch.from_numpy(cache.features(source, 0, progress)).to(device)
    tokens = _tokens([source])
    sought = [(tokens[text], at) for at in range(len(source)) for text in source.texts(at)]
    texts, wanted = zip(*sought, strict=True)

    def validate(network: TinyNetwork, has_old_blocks: bool) -> Recall:
        features = pooled
        if pixels is not None and not has_old_blocks:
            features = pool_pixels(network.image, pixels, device)
        with torch.inference_mode():
            pictures = network.image.embed(features).cpu().numpy()
            words = embed_texts(network.text, texts).cpu().numpy()
        return recall(np.asarray(words), np.asarray(pictures), wanted)

    return validate
