"""Maps of the image tower's frozen part, computed once and kept on disk.

Most of the tower stays as ImageNet made it. What it makes of each picture never changes, so it is
computed once (minutes), and an epoch over the trained part takes seconds. On a CPU OpenVINO
computes it, where it is installed: about twice as fast as torch.
"""

import hashlib
import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import Progress
from torch import Tensor, nn

from tihua_server.tiny_network import ImageTower
from tihua_server.training.pictures import PictureSource, to_square
from tihua_server.types import FloatArray, PixelArray

BATCH_SIZE = 32
POOL_BATCH_SIZE = 512

HalfArray = npt.NDArray[np.float16]
Compute: TypeAlias = Callable[[PixelArray], tuple[FloatArray, FloatArray]]
"""(BATCH_SIZE, side, side, 3) uint8 → the maps of the frozen part and the pooled features."""


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
        self._image_size = image_size
        self._tower = _FrozenTower(tower, frozen_blocks).eval()
        self._device = device
        self._compute: Compute | None = None
        weights = hashlib.sha256(f"{image_size} {frozen_blocks}".encode())
        for part in (tower.stem, tower.blocks, tower.top):
            for tensor in part.state_dict().values():
                weights.update(tensor.detach().cpu().numpy().tobytes())
        self._weights = weights.digest()

    def features(
        self, source: PictureSource, view: int, progress: Progress
    ) -> tuple[HalfArray, FloatArray]:
        """Return what the tower makes of one view of a source.

        Args:
            source: the pictures.
            view: which view, below `source.views`.
            progress: shows how far it is.

        Returns:
            The maps of the frozen part, (len(source), channels, side, side) float16, mapped from
            disk, and the pooled features, (len(source), 1280) float32.
        """
        key = self._key(source, view)
        files = [
            self._folder / f"{source.name}-{view}-{key}-{what}.npy" for what in ("maps", "pooled")
        ]
        if not all(file.exists() for file in files):
            for file, array in zip(files, self._computed(source, view, progress), strict=True):
                _write(file, array)
        return (
            cast("HalfArray", np.load(files[0], mmap_mode="r")),
            cast("HalfArray", np.load(files[1])).astype(np.float32),
        )

    def _computed(
        self, source: PictureSource, view: int, progress: Progress
    ) -> tuple[HalfArray, HalfArray]:
        if self._compute is None:
            self._compute = _compute(self._tower, self._image_size, self._device)
        task = progress.add_task(f"{source.name}, view {view}", total=len(source))
        maps, pooled = [], []
        for start in range(0, len(source), BATCH_SIZE):
            indices = range(start, min(start + BATCH_SIZE, len(source)))
            side = self._image_size
            # The last batch is filled up, so that there is one shape only.
            pixels = np.zeros((BATCH_SIZE, side, side, 3), dtype=np.uint8)
            for row, index in enumerate(indices):
                pixels[row] = to_square(source.picture(index, view), side)
            some_maps, some_pooled = self._compute(pixels)
            maps.append(some_maps[: len(indices)].astype(np.float16))
            pooled.append(some_pooled[: len(indices)].astype(np.float16))
            progress.advance(task, len(indices))
        progress.remove_task(task)
        return np.concatenate(maps), np.concatenate(pooled)

    def _key(self, source: PictureSource, view: int) -> str:
        """Return what tells these maps from those of other pictures, weights or another cut."""
        digest = hashlib.sha256(self._weights)
        for index in range(0, len(source), max(1, len(source) // 16)):
            digest.update(source.group(index).encode())
            digest.update(source.picture(index, view).tobytes())
        return digest.hexdigest()[:8]


class _FrozenTower(nn.Module):
    def __init__(self, tower: ImageTower, blocks: int) -> None:
        super().__init__()
        self.tower = tower
        self.blocks = blocks

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.tower.lower(pixels.permute(0, 3, 1, 2).float(), self.blocks)
        return maps, self.tower.pool(maps, self.blocks)


def _compute(tower: _FrozenTower, side: int, device: str) -> Compute:
    if device == "cpu" and importlib.util.find_spec("openvino"):
        import openvino

        example = torch.zeros(BATCH_SIZE, side, side, 3, dtype=torch.uint8)
        # torch's tracer, which OpenVINO calls, is deprecated and warns of every size it meets.
        with warnings.catch_warnings(action="ignore"):
            model = openvino.convert_model(tower, example_input=example)
        model.reshape([BATCH_SIZE, side, side, 3])
        hints = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
        compiled = openvino.Core().compile_model(model, "CPU", hints)

        def by_openvino(pixels: PixelArray) -> tuple[FloatArray, FloatArray]:
            found = compiled(pixels)
            return found[0], found[1]

        return by_openvino

    tower.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def by_torch(pixels: PixelArray) -> tuple[FloatArray, FloatArray]:
        with torch.inference_mode():
            maps, pooled = tower(torch.from_numpy(pixels).to(device))
        return maps.cpu().numpy(), pooled.cpu().numpy()

    return by_torch


def _write(file: Path, array: HalfArray) -> None:
    """Write an array under its name only when it is whole, so that a stopped run leaves no half."""
    partial = file.with_suffix(".partial.npy")
    np.save(partial, array)
    partial.rename(file)


def pool_maps(tower: ImageTower, maps: HalfArray, frozen_blocks: int, device: str) -> Tensor:
    """Return the pooled features of frozen maps: (count, 1280) float32 on the device."""
    parts = []
    for start in range(0, len(maps), POOL_BATCH_SIZE):
        batch = torch.from_numpy(np.array(maps[start : start + POOL_BATCH_SIZE])).to(device)
        batch = batch.float().contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            parts.append(tower.pool(batch, frozen_blocks))
    return torch.cat(parts)
