"""A cache on disk of the first blocks' output for windows of every picture.

The last blocks are trained over these maps instead of pixels: in every step, the first blocks,
which do not change, and cropping and tinting would be most of the work. Each picture has several
windows, tinted differently, so that it is not memorized.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from rich.progress import Progress
from torch import Tensor, nn

from tihua_server.clip.tiny_network import ImageTower
from tihua_server.training.augmentation import Window, augment
from tihua_server.training.compiling import Compute, compiled
from tihua_server.training.features import BATCH_SIZE, PictureCache
from tihua_server.training.out_folder import read_array, reserve, whole
from tihua_server.training.pictures import PictureSource
from tihua_server.types import FloatArray, PixelArray


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of the pictures of a source.

    Attributes:
        maps: (pictures, windows, channels, height, width) float16: output of the first blocks;
            mapped from disk.
        pooled: (pictures, windows, 1280) float16: pooled features of the whole tower before the
            training.
    """

    maps: Tensor
    pooled: Tensor


class WindowCache:
    """Computes the maps of windows, or reads those that were computed before.

    Args:
        cache: of the pixels; its folder gets the files.
        tower: the image tower before the training, in eval mode.
        blocks: number of first blocks that are not trained.
        side: of a window as the tower sees it, in pixels.
        seed: of crops, tints and mirroring.
        device: where to compute, as torch names it.
    """

    def __init__(
        self,
        cache: PictureCache,
        tower: ImageTower,
        *,
        blocks: int,
        side: int,
        seed: int,
        device: str,
    ) -> None:
        self._cache = cache
        self._tower = _Halves(tower, blocks).eval()
        self._side = side
        self._seed = seed
        self._device = device
        self._compute: Compute | None = None

    def windows(
        self, source: PictureSource, window: Window, count: int, progress: Progress
    ) -> Windows:
        """Return some windows of each picture of a source.

        Args:
            source: the pictures.
            window: which part of them may be shown.
            count: number of windows of each.
            progress: shows a bar.
        """
        settings = f"{window} {count} {self._tower.blocks} {self._side} {self._seed}"
        files = [self._cache.file(source, what, settings) for what in ("maps", "windows")]
        if not all(file.exists() for file in files):
            self._write(files, source, window, count, progress)
        maps, pooled = (torch.from_numpy(read_array(file, "c")) for file in files)
        return Windows(maps, pooled)

    def _write(
        self,
        files: list[Path],
        source: PictureSource,
        window: Window,
        count: int,
        progress: Progress,
    ) -> None:
        pixels = self._cache.pixels(source, progress)
        example = self._computed(torch.zeros(1, 3, self._side, self._side))
        shapes = [(len(pixels), count, *part.shape[1:]) for part in example]
        with contextlib.ExitStack() as stack:
            partial = [stack.enter_context(whole(file)) for file in files]
            arrays = [
                open_memmap(file, "w+", np.float16, shape)
                for file, shape in zip(partial, shapes, strict=True)
            ]
            for file in partial:
                reserve(file)
            task = progress.add_task(f"{source.name}, {count} windows", total=len(pixels) * count)
            self._fill(arrays, pixels, window, lambda done: progress.advance(task, done))
            progress.remove_task(task)
            for array in arrays:
                array.flush()

    def _fill(
        self,
        arrays: Sequence[FloatArray],
        pixels: PixelArray,
        window: Window,
        tell: Callable[[int], None],
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            for start in range(0, len(pixels), BATCH_SIZE):
                shown = torch.from_numpy(pixels[start : start + BATCH_SIZE])
                for number in range(arrays[0].shape[1]):
                    cut = augment(shown, window, self._side)
                    for array, found in zip(arrays, self._computed(cut), strict=True):
                        array[start : start + len(shown), number] = found
                    tell(len(shown))

    def _computed(self, cut: Tensor) -> list[FloatArray]:
        if self._compute is None:
            example = torch.zeros(BATCH_SIZE, *cut.shape[1:])
            self._compute = compiled(self._tower, example, self._device)
        return self._compute(cut.numpy())


class _Halves(nn.Module):
    def __init__(self, tower: ImageTower, blocks: int) -> None:
        super().__init__()
        self.tower = tower
        self.blocks = blocks

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.tower.lower(pixels, self.blocks)
        return maps, self.tower.pool(maps, self.blocks)
