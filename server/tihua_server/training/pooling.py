"""The pooled features of a training step: as they were, or as the tower makes them now."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tihua_server.tiny_network import ImageTower
from tihua_server.training.album import Album, Pick
from tihua_server.training.augmentation import augment


@dataclass(frozen=True, slots=True)
class Pooled:
    """Pooled features of a batch.

    Attributes:
        features: (count, 1280) float32.
        drift: how far they went from what the tower made of the same pixels before the training:
            mean squared difference of the features, each picture's of mean 0 and variance 1.
    """

    features: Tensor
    drift: Tensor


class Pooling:
    """Pools the pictures of a batch.

    Args:
        tower: the tower that is trained, as it was before.
        albums: the pictures.
        frozen_blocks: blocks of the tower that are not trained.
        side: at which pictures are shown to a tower that is trained, in pixels.
        device: where to compute.
    """

    def __init__(
        self,
        tower: ImageTower,
        albums: Sequence[Album],
        *,
        frozen_blocks: int,
        side: int,
        device: str,
    ) -> None:
        self._tower = tower
        self._before = copy.deepcopy(tower).requires_grad_(requires_grad=False)
        self._albums = albums
        self._frozen_blocks = frozen_blocks
        self._side = side
        self._device = torch.device(device)

    def cached(self, picks: Sequence[Pick]) -> Pooled:
        """Return the features as they were before the training."""
        rows = [self._albums[p.album].pooled[p.view][p.index] for p in picks]
        features = torch.stack(rows).to(self._device)
        return Pooled(features, drift=features.new_zeros(()))

    def fresh(self, picks: Sequence[Pick]) -> Pooled:
        """Return features of changed pictures, with gradient; without pictures, those before."""
        before = self.cached(picks)
        pixels, windows, places = [], [], []
        for place, pick in enumerate(picks):
            album = self._albums[pick.album]
            if album.pixels is not None:
                pixels.append(album.pixels[pick.index])
                windows.append(album.window)
                places.append(place)
        if not places:
            return before
        pictures = augment(torch.stack(pixels).to(self._device), windows, self._side)
        # In bf16 on a CPU, torch's convolutions are slower than in fp32 wherever AMX is absent.
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            with torch.no_grad():
                maps = self._tower.lower(pictures, self._frozen_blocks)
                old = self._before.pool(maps, self._frozen_blocks).float()
            new = self._tower.pool(maps, self._frozen_blocks).float()
        drift = functional.mse_loss(
            functional.layer_norm(new, new.shape[1:]), functional.layer_norm(old, old.shape[1:])
        )
        rows = torch.tensor(places, device=self._device)
        return Pooled(before.features.index_copy(0, rows, new), drift)
