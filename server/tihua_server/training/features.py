"""A cache on disk of what is computed once for every picture: pooled features, and pixels.

The heads are trained over features of the tower that the training starts with: ImageNet's, or that
of a model to fine-tune. These never change, so they are computed once (minutes), and an epoch takes
seconds.
The tower itself is trained over windows of the pixels (`windows.py`), decoded and resized once.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.format import open_memmap
from rich.progress import Progress
from torch import Tensor, nn

from tihua_server.clip.tiny_network import ImageTower
from tihua_server.training.compiling import Compute, compiled
from tihua_server.training.out_folder import read_array, reserve, whole
from tihua_server.training.pictures import PictureSource, squares
from tihua_server.types import FloatArray, PixelArray

BATCH_SIZE = 32

HalfArray = npt.NDArray[np.float16]


class PictureCache:
    """Computes pooled features and pixels, or reads those that were computed before.

    Args:
        folder: of the files; made if absent.
        tower: the image tower, in eval mode.
        image_size: side of the square, in pixels.
        device: where to compute, as torch names it.

    Attributes:
        folder, image_size: as given.
    """

    def __init__(self, folder: Path, tower: ImageTower, *, image_size: int, device: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.image_size = image_size
        self._tower = _PooledTower(tower).eval()
        self._device = device
        self._compute: Compute | None = None
        weights = hashlib.sha256(str(image_size).encode())
        for part in (tower.stem, tower.blocks, tower.top):
            for tensor in part.state_dict().values():
                weights.update(tensor.detach().cpu().numpy().tobytes())
        self._weights = weights.digest()

    def features(self, source: PictureSource, view: int, progress: Progress) -> FloatArray:
        """Return the pooled features of one view of a source: (len(source), 1280) float32.

        Args:
            source: the pictures.
            view: index of the view, below `source.views`.
            progress: shows a bar.
        """
        file = self._file(source, view, "pooled", self._weights)
        if not file.exists():
            features = np.concatenate(
                [
                    self._pooled(pixels).astype(np.float16)
                    for pixels in self._squares(source, view, progress)
                ]
            )
            _write(file, features)
        return cast("HalfArray", read_array(file)).astype(np.float32)

    def pixels(self, source: PictureSource, progress: Progress) -> PixelArray:
        """Return view 0 of a source: (len(source), side, side, 3) uint8, mapped from disk."""
        file = self._pixel_file(source)
        if not file.exists():
            shape = (len(source), self.image_size, self.image_size, 3)
            with whole(file) as partial:
                pixels = open_memmap(partial, "w+", np.uint8, shape)
                reserve(partial)
                start = 0
                for batch in self._squares(source, 0, progress):
                    pixels[start : start + len(batch)] = batch
                    start += len(batch)
                pixels.flush()
        return cast("PixelArray", read_array(file, "c"))

    def file(self, source: PictureSource, what: str, settings: str) -> Path:
        """Return the file for something else that is computed from view 0 by the tower.

        Args:
            source: the pictures.
            what: a word for the file's name.
            settings: what the content depends on besides pictures and weights.
        """
        return self._file(source, 0, what, self._weights + settings.encode())

    def _squares(
        self, source: PictureSource, view: int, progress: Progress
    ) -> Iterator[PixelArray]:
        task = progress.add_task(f"{source.name}, view {view}", total=len(source))
        for pixels in self._read(source, view):
            yield pixels
            progress.advance(task, len(pixels))
        progress.remove_task(task)

    def _read(self, source: PictureSource, view: int) -> Iterator[PixelArray]:
        file = self._pixel_file(source)
        if view == 0 and file.exists():
            pixels: PixelArray = read_array(file, "r")
            return (pixels[at : at + BATCH_SIZE] for at in range(0, len(source), BATCH_SIZE))
        return squares(source, view, self.image_size, BATCH_SIZE)

    def _pooled(self, pixels: PixelArray) -> FloatArray:
        if self._compute is None:
            example = torch.zeros(BATCH_SIZE, *pixels.shape[1:], dtype=torch.uint8)
            self._compute = compiled(self._tower, example, self._device)
        return self._compute(pixels)[0]

    def _pixel_file(self, source: PictureSource) -> Path:
        return self._file(source, 0, "pixels", str(self.image_size).encode())

    def _file(self, source: PictureSource, view: int, what: str, weights: bytes) -> Path:
        """Return the file; its name depends on pictures, weights, view and kind of content."""
        digest = hashlib.sha256(weights + source.digest.encode()).hexdigest()
        return self.folder / f"{source.name}-{view}-{digest[:16]}-{what}.npy"


class _PooledTower(nn.Module):
    def __init__(self, tower: ImageTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pixels: Tensor) -> Tensor:
        return self.tower.pool(self.tower.lower(pixels.permute(0, 3, 1, 2).float()))


def _write(file: Path, array: npt.NDArray[np.generic]) -> None:
    with whole(file) as partial:
        np.save(partial, array)


def pool_pixels(tower: ImageTower, pixels: PixelArray, device: str) -> Tensor:
    """Return the pooled features of pixels by a tower: (count, 1280) float32 on the device."""
    parts = []
    for start in range(0, len(pixels), BATCH_SIZE):
        batch = torch.from_numpy(pixels[start : start + BATCH_SIZE]).to(device)
        batch = batch.permute(0, 3, 1, 2).float()
        with torch.no_grad():
            parts.append(tower.pool(tower.lower(batch)))
    return torch.cat(parts)
