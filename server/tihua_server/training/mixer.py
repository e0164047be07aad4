"""Makes the albums of features, and their mixture, that a network is trained on."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from rich.progress import Progress

from tihua_server.clip.tiny_network import ImageTower
from tihua_server.training.album import Album, Mixture
from tihua_server.training.augmentation import Window
from tihua_server.training.backbone import Classifier, imagenet_classifier, load_backbone
from tihua_server.training.features import PictureCache
from tihua_server.training.materials import Materials
from tihua_server.training.pictures import PictureSource
from tihua_server.training.prototypes import Prototypes
from tihua_server.training.recipe import Recipe
from tihua_server.training.windows import WindowCache

# Emoji and compositions are not mirrored: some show letters, arrows or clocks.
PHOTOGRAPH_WINDOW = Window(0.6, 1.0, is_mirrored=True)
"""Part of a photograph."""

EMOJI_WINDOW = Window(1.0, 1.6)
"""An emoji that fills the picture or is smaller."""

COMPOSITION_WINDOW = Window(0.85, 1.0)
"""Most of a composition."""


@dataclass(frozen=True, slots=True)
class Mixer:
    """Makes a mixture from materials.

    Attributes:
        cache: of the features of whole pictures.
        windows: cache of the first blocks' output for windows, over which the last blocks are
            trained.
        recipe: numbers of views, windows and draws, and the sizes of batches.
        progress: shows bars.
        device: where to compute, as torch names it.
    """

    cache: PictureCache
    windows: WindowCache
    recipe: Recipe
    progress: Progress
    device: str

    def mixture(self, materials: Materials, *, has_own_tower: bool) -> Mixture:
        """Return what to train on.

        Args:
            materials: what there is.
            has_own_tower: whether the tower is not ImageNet's, but that of a trained model.
        """
        photographs: list[Album] = []
        if materials.photographs:
            photographs.append(
                self._album(materials.photographs, PHOTOGRAPH_WINDOW, has_captions=True)
            )
        twins = [self._album(one, EMOJI_WINDOW) for one in materials.emoji]
        others: list[Album] = []
        if materials.compositions:
            others.append(self._album(materials.compositions, COMPOSITION_WINDOW))
        if materials.photographs and twins:
            classifier = imagenet_classifier()
            if has_own_tower:
                sources: list[PictureSource] = [materials.photographs, *materials.emoji]
                seen = zip(sources, [*photographs, *twins], strict=True)
                classifier = self._moved(classifier, seen)
            others.append(self._prototypes(photographs[0], classifier))
        return Mixture(
            photographs,
            twins,
            others,
            captions_per_batch=self.recipe.captions_per_batch,
            twins_per_batch=self.recipe.twins_per_batch,
            others_per_batch=self.recipe.others_per_batch,
        )

    def _album(self, source: PictureSource, window: Window, *, has_captions: bool = False) -> Album:
        recipe = self.recipe
        windows = None
        if recipe.block_epochs:
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
        self, classifier: Classifier, seen: Iterable[tuple[PictureSource, Album]]
    ) -> Classifier:
        """Return the classifier for a trained tower's features, fitted on these pictures."""
        tower = ImageTower(self.recipe.shape).eval()
        load_backbone(tower)
        cache = PictureCache(
            self.cache.folder, tower, image_size=self.cache.image_size, device=self.device
        )
        before, after = [], []
        for source, album in seen:
            before.append(cache.features(source, 0, self.progress))
            after.append(album.pooled[0].numpy())
        return classifier.moved(np.concatenate(before), np.concatenate(after))

    def _prototypes(self, photographs: Album, classifier: Classifier) -> Album:
        source = Prototypes(
            photographs.pooled[0].numpy(),
            classifier,
            draws=self.recipe.prototype_draws,
            seed=self.recipe.seed,
        )
        pooled = torch.from_numpy(source.features)
        return Album(source=source, pooled=(pooled,), has_captions=False)
