"""Maps of the image tower's frozen part, computed once and kept on disk.

They are computed in bfloat16: half the time where the processor has it, and noise that training
does not feel (the pooled feature keeps a cosine of 0.999).

Most of the tower stays as ImageNet made it. What it makes of each picture never changes, so it is
computed once (minutes), and an epoch over the trained part takes seconds.
"""

import hashlib
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import Progress
from torch import Tensor

from tihua_server.tiny_network import ImageTower
from tihua_server.training.pictures import PictureSource, to_square
from tihua_server.types import FloatArray

BATCH_SIZE = 64
POOL_BATCH_SIZE = 512

HalfArray = npt.NDArray[np.float16]


class FeatureCache:
    """Computes the frozen maps of picture sources, or reads them where they were computed before.

    Args:
        folder: where the files lie; made when absent.
        tower: the image tower, in eval mode.
        frozen_blocks: how many of its blocks are frozen.
        image_size: side of the square, in pixels.
        device: where to compute.
    """

    def __init__(
        self, folder: Path, tower: ImageTower, *, frozen_blocks: int, image_size: int, device: str
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._tower = tower.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._frozen_blocks = frozen_blocks
        self._image_size = image_size
        self._device = device

    def maps(self, source: PictureSource, view: int, progress: Progress) -> HalfArray:
        """Return the maps of one view of a source: (len(source), channels, side, side) float16.

        Args:
            source: the pictures.
            view: which view, below `source.views`.
            progress: shows how far it is.
        """
        file = self._file("maps", source, view)
        if not file.exists():
            _write(file, self._compute(source, view, progress))
        return cast("HalfArray", np.load(file, mmap_mode="r"))

    def pooled(self, source: PictureSource, view: int, progress: Progress) -> FloatArray:
        """Return the pooled features of one view of a source: (len(source), 1280) float32."""
        file = self._file("pooled", source, view)
        if not file.exists():
            maps = self.maps(source, view, progress)
            pooled = pool_maps(self._tower, maps, self._frozen_blocks, self._device)
            _write(file, pooled.cpu().numpy())
        return cast("FloatArray", np.load(file))

    def _file(self, what: str, source: PictureSource, view: int) -> Path:
        return self._folder / f"{source.name}-{view}-{self._key(source, view)}-{what}.npy"

    def _compute(self, source: PictureSource, view: int, progress: Progress) -> HalfArray:
        task = progress.add_task(f"{source.name}, view {view}", total=len(source))
        parts = []
        for start in range(0, len(source), BATCH_SIZE):
            indices = range(start, min(start + BATCH_SIZE, len(source)))
            pixels = np.stack(
                [to_square(source.picture(index, view), self._image_size) for index in indices]
            )
            with (
                torch.inference_mode(),
                torch.autocast(torch.device(self._device).type, torch.bfloat16),
            ):
                batch = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float()
                maps = self._tower.lower(batch, self._frozen_blocks)
            parts.append(maps.contiguous().half().cpu().numpy())
            progress.advance(task, len(indices))
        return np.concatenate(parts)

    def _key(self, source: PictureSource, view: int) -> str:
        """Return what tells these maps from those of other pictures or of another cut."""
        digest = hashlib.sha256(f"{self._image_size} {self._frozen_blocks}".encode())
        for index in range(0, len(source), max(1, len(source) // 16)):
            digest.update(source.group(index).encode())
            digest.update(source.picture(index, view).tobytes())
        return digest.hexdigest()[:8]


def _write(file: Path, array: HalfArray | FloatArray) -> None:
    """Write an array under its name only when it is whole, so that a stopped run leaves no half."""
    partial = file.with_suffix(".partial.npy")
    np.save(partial, array)
    partial.rename(file)


def pool_maps(tower: ImageTower, maps: HalfArray, frozen_blocks: int, device: str) -> Tensor:
    """Return the pooled features of frozen maps: (count, 1280) float32 on the device."""
    parts = []
    for start in range(0, len(maps), POOL_BATCH_SIZE):
        batch = torch.from_numpy(np.array(maps[start : start + POOL_BATCH_SIZE])).to(device)
        batch = batch.to(torch.bfloat16, memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast(torch.device(device).type, torch.bfloat16):
            parts.append(tower.pool(batch, frozen_blocks).float())
    return torch.cat(parts)
