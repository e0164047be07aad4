"""Trains tihua-tiny, from materials to the file that the server loads."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress

from tihua_server.clip.fingerprint import fingerprint
from tihua_server.clip.loading import load_encoder
from tihua_server.clip.tiny_clip import MODEL_FILE
from tihua_server.clip.tiny_network import ImageTower, TinyNetwork
from tihua_server.clip.tokenizer import Tokenizer
from tihua_server.config import Config
from tihua_server.memory import keep_freed_memory
from tihua_server.training.album import Album
from tihua_server.training.backbone import load_backbone
from tihua_server.training.bags import embed_texts
from tihua_server.training.checkpoints import Checkpoints
from tihua_server.training.curve import Curve
from tihua_server.training.evaluation import evaluate
from tihua_server.training.features import PictureCache, pool_pixels
from tihua_server.training.inheritance import hand_down
from tihua_server.training.materials import Materials
from tihua_server.training.mixer import Mixer
from tihua_server.training.model_file import write_model
from tihua_server.training.photographs import Photographs
from tihua_server.training.pictures import TextSource
from tihua_server.training.progress import training_progress
from tihua_server.training.recall import Recall, recall
from tihua_server.training.recipe import Recipe
from tihua_server.training.retrieval import caption_task, emoji_tasks
from tihua_server.training.spellings import simplified_tokens
from tihua_server.training.trainer import Trainer
from tihua_server.training.vocabulary import Vocabulary
from tihua_server.training.windows import WindowCache
from tihua_server.types import TokenArray


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
        materials: to learn from and to measure by.
        recipe: how to train; its shape is ignored if there is a `start`.
        out: folder for features, checkpoints, curve and model; a stopped run is resumed from there.
        device: where to compute, as torch names it.
        start: a network to fine-tune, which is not changed; None starts from ImageNet's weights.

    Raises:
        TrainingError: `out` has a checkpoint that is damaged or of another training, or the loss is
            infinite or NaN.
    """
    keep_freed_memory()
    torch.manual_seed(recipe.seed)
    shape = start.shape if start else recipe.shape
    tower = ImageTower(shape).eval()
    if start:
        tower.load_state_dict(start.image.state_dict())
    else:
        load_backbone(tower)
    # With another table of OpenCC, tokens have other rows.
    spellings = dict(simplified_tokens())
    origin = fingerprint((start or tower).state_dict(), {"spellings": spellings})
    checkpoints = Checkpoints(out, recipe, f"{origin} on {materials.digest}")
    checkpoints.verify()  # before features, which may take minutes and gigabytes
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
        mixer = Mixer(cache, windows, recipe, progress, device)
        mixture = mixer.mixture(materials, has_own_tower=start is not None)
        # Not of validation texts: tokens are also drawn as foreign words around a name.
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
            checkpoints=checkpoints,
            device=device,
            validate=validate,
            before=before,
            curve=Curve(out),
        )
        trainer.train(progress)
        progress.console.print(trainer.best.summary())
    model = out / MODEL_FILE
    return model, write_model(network, model)


def evaluate_tiny(materials: Materials, model: Path, *, device: str) -> Iterator[str]:
    """Measure a model, as served in fp32, and yield a line for each task."""
    config = Config(model_path=model, device=device, engine="torch", precision="fp32")
    encoder = load_encoder(config)
    tasks = [caption_task(materials.validation)] if materials.validation else []
    if materials.test:
        tasks += emoji_tasks(materials.test, materials.emoji[0])
    for task in tasks:
        yield f"{task.name}: {evaluate(encoder, task)}"


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
