"""Pooled features for a training step: cached ones, or new ones by the tower under training."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tihua_server.clip.devices import has_bf16
from tihua_server.clip.tiny_network import ImageTower
from tihua_server.training.album import Album, Pick


@dataclass(frozen=True, slots=True)
class Pooled:
    """Pooled features of a batch.

    Attributes:
        features: (count, 1280) float32.
        drift: how far they are from the features of the same windows before the training: mean
            squared difference, with each picture's features scaled to mean 0 and variance 1.
    """

    features: Tensor
    drift: Tensor


class Pooling:
    """Returns the pooled features of batches.

    Args:
        tower: the tower under training.
        albums: of the pictures.
        frozen_blocks: number of the tower's first blocks that are not trained.
        device: where to compute, as torch names it.
    """

    def __init__(
        self, tower: ImageTower, albums: Sequence[Album], *, frozen_blocks: int, device: str
    ) -> None:
        self._tower = tower
        self._albums = albums
        self._frozen_blocks = frozen_blocks
        self._device = torch.device(device)

    def cached(self, picks: Sequence[Pick]) -> Pooled:
        """Return the features before the training, without gradient."""
        rows = [self._albums[p.album].pooled[p.view][p.index] for p in picks]
        features = torch.stack(rows).to(self._device)
        return Pooled(features, drift=features.new_zeros(()))

    def fresh(self, picks: Sequence[Pick]) -> Pooled:
        """Return features, with gradient, of windows drawn by torch's generator for the CPU.

        Albums without windows give the features before the training.
        """
        before = self.cached(picks)
        maps, pooled, places = [], [], []
        for place, pick in enumerate(picks):
            windows = self._albums[pick.album].windows
            if windows is not None:
                number = int(torch.randint(windows.maps.shape[1], ()))
                maps.append(windows.maps[pick.index, number])
                pooled.append(windows.pooled[pick.index, number])
                places.append(place)
        if not places:
            return before
        batch = torch.stack(maps).to(self._device).float()
        batch = batch.contiguous(memory_format=torch.channels_last)
        # In bf16 on a CPU, torch's convolutions are slower than in fp32 wherever AMX is absent.
        with torch.autocast(self._device.type, torch.bfloat16, enabled=has_bf16(self._device)):
            new = self._tower.pool(batch, self._frozen_blocks).float()
        old = torch.stack(pooled).to(self._device).float()
        drift = functional.mse_loss(
            functional.layer_norm(new, new.shape[1:]), functional.layer_norm(old, old.shape[1:])
        )
        rows = torch.tensor(places, device=self._device)
        return Pooled(before.features.index_copy(0, rows, new), drift)
