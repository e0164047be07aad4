"""The towers on a GPU, timed without a service around them."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from tihua_server.clip.chinese_clip import read_chinese_clip
from tihua_server.clip.encoder import ClipEncoder
from tihua_server.clip.torch_engine import TorchEngine, prepared

from bench.flops import count_flops
from bench.materials import QUERIES

REPEATS = 20
"""Repetitions of each measurement; the median counts."""

WARM_UP_REPEATS = 5


def gemm_peak(device: torch.device, sides: Sequence[int]) -> float:
    """Return the highest rate, in operations a second, of bf16 products of square matrices."""
    rates = []
    for side in sides:
        left, right = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in "ab")
        rates.append(2 * side**3 / _seconds(lambda: left @ right, device))  # noqa: B023
    return max(rates)


class GpuTower:
    """A Chinese-CLIP model in bf16, as the server runs it.

    Args:
        model: cn_clip's name of the architecture.
        weights: a checkpoint.
        device: the GPU.
        max_batch_size: largest batch of the engine.

    Attributes:
        flops_per_image: operations of the vision tower, an addition and a multiplication each.
    """

    def __init__(
        self, model: str, weights: Path, device: torch.device, *, max_batch_size: int
    ) -> None:
        clip = read_chinese_clip(model, path=weights)
        self._size = clip.image_size
        self._device = device
        self._towers = prepared(clip.towers(), device, "bf16")
        self.flops_per_image = count_flops(self._towers.image, self._size, device)
        engine = TorchEngine(
            clip.towers(), self._size, device, "bf16", max_batch_size=max_batch_size
        )
        self._encoder = ClipEncoder(clip, engine)

    def bare_images_per_second(self, batch_size: int) -> float:
        """Return the rate of the vision tower on pictures that are on the device already."""
        shape = (batch_size, self._size, self._size, 3)
        pixels = torch.randint(256, shape, dtype=torch.uint8, device=self._device)
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16):
            return batch_size / _seconds(lambda: self._towers.image(pixels), self._device)

    def images_per_second(self, batch_size: int) -> float:
        """Return the rate of `encode_images`: from pixels in memory to embeddings in memory."""
        shape = (batch_size, self._size, self._size, 3)
        pixels = list(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
        return batch_size / _seconds(lambda: self._encoder.encode_images(pixels), self._device)

    def texts_per_second(self, batch_size: int) -> float:
        """Return the rate of `encode_texts` on short queries."""
        tokens = [self._encoder.tokenize(QUERIES[n % len(QUERIES)]).ids for n in range(batch_size)]
        return batch_size / _seconds(lambda: self._encoder.encode_texts(tokens), self._device)


def _seconds(compute: Callable[[], object], device: torch.device) -> float:
    """Return the median time of one call, the device's work included."""
    for _ in range(WARM_UP_REPEATS):
        compute()
    times = []
    for _ in range(REPEATS):
        _synchronize(device)
        start_s = perf_counter()
        compute()
        _synchronize(device)
        times.append(perf_counter() - start_s)
    return statistics.median(times)


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
