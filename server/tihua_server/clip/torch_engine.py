"""Towers computed by torch: on CUDA in bf16, and on a CPU as the fp32 reference.

On CUDA a batch is copied as bytes from pinned memory, normalised on the GPU, and runs as one CUDA
graph; texts and pictures take turns in one thread, because the GPU is faster than two threads can
feed it. On a CPU two threads that compute with torch at once are many times slower than one.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tihua_server.clip.agreement import require_agreement
from tihua_server.clip.cuda_graphs import TEXT_LENGTHS, GraphedTower
from tihua_server.clip.engine import model_failed, tower_failures
from tihua_server.clip.model import ClipModel, Fusable, MixedPrecision, Towers
from tihua_server.errors import DeviceLost, ModelError, ModelOutOfMemory
from tihua_server.recurring import RecurringErrors
from tihua_server.types import FloatArray, PixelArray, TokenArray

_MATRICES = (nn.Linear, nn.Conv2d, nn.MultiheadAttention)
"""Layers that are kept in bf16; norms and sums stay in fp32, as cn_clip's LayerNorm requires."""

Tower = Callable[[npt.NDArray[Any]], torch.Tensor]


class TorchEngine:
    """Runs the towers with torch."""

    name = "torch"
    image_streams = 0
    padding_cost = 1.0

    def __init__(
        self,
        towers: Towers,
        image_size: int,
        device: torch.device,
        precision: str,
        *,
        max_batch_size: int = 32,
    ) -> None:
        """Move the towers to the device, and on CUDA capture their graphs.

        Args:
            towers: the networks; on CUDA or in bf16 they are changed in place.
            image_size: side of a picture, in pixels.
            device: the device to run on.
            precision: `fp32` or `bf16`.
            max_batch_size: the largest batch that gets a graph of its own on CUDA.

        Raises:
            ModelError: the device does not have enough memory, or can't compute the model.
        """
        self.device = str(device)
        self.precision = precision
        self._place = device
        self._image_failures, self._text_failures = tower_failures(), tower_failures()
        if device.type == "cuda":
            # Otherwise torch rounds the factors of fp32 convolutions to 10 bits (TF32), even of
            # those that a `MixedPrecision` tower has beside bf16.
            torch.backends.cudnn.allow_tf32 = False
        try:
            image, text = prepared(towers, device, precision)
            picture = torch.zeros(1, image_size, image_size, 3, dtype=torch.uint8)
            texts = [torch.ones(1, length, dtype=torch.int64) for length in TEXT_LENGTHS]
            self._image = self._callable(image, [picture], max_batch_size)
            self._text = self._callable(text, texts, max_batch_size)
        except RuntimeError as error:
            if device.type != "cuda":
                raise
            raise _refusal(device, error) from error

    def embed_texts(self, ids: TokenArray) -> FloatArray:
        """Return (batch, dim) float32, of any norm, for (batch, length) int64, padded with 0.

        Raises:
            ModelError: torch failed, for example by running out of memory.
            DeviceLost: the GPU failed, and will fail at every later call.
        """
        return self._embed(self._text, ids, self._text_failures)

    def embed_images(self, pixels: PixelArray) -> FloatArray:
        """Return (batch, dim) float32, of any norm, for (batch, side, side, 3) uint8 RGB.

        Raises:
            ModelError: torch failed, for example by running out of memory.
            DeviceLost: the GPU failed, and will fail at every later call.
        """
        return self._embed(self._image, pixels, self._image_failures)

    def _callable(
        self, tower: nn.Module, examples: Sequence[torch.Tensor], max_batch_size: int
    ) -> Tower:
        if self._place.type != "cuda":
            return lambda rows: tower(torch.from_numpy(rows))
        with self._computing():
            return GraphedTower(tower, examples, self._place, max_batch_size=max_batch_size)

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        is_bf16 = self.precision == "bf16"
        # Wherever the tensors are, torch asks the current device whether it has bf16, and a capture
        # first waits for the current one.
        current: contextlib.AbstractContextManager[Any] = (
            torch.cuda.device(self._place)
            if self._place.type == "cuda"
            else contextlib.nullcontext()
        )
        with (
            current,
            torch.inference_mode(),
            # No cache: what is cast while a graph is captured has no value until that graph runs.
            torch.autocast(self._place.type, torch.bfloat16, enabled=is_bf16, cache_enabled=False),
        ):
            yield

    def _embed(self, tower: Tower, rows: npt.NDArray[Any], failures: RecurringErrors) -> FloatArray:
        # Pixels of a message are read-only, and torch warns of that.
        rows = np.require(rows, requirements="W")
        try:
            with self._computing():
                features: FloatArray = tower(rows).float().cpu().numpy()
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            failures.log(error, batch_size=len(rows))
            raise ModelOutOfMemory(
                f"{self.device} does not have enough memory for a batch of {len(rows)} now; try"
                " again later, or start the server with a smaller --max-batch-size",
                metadata={"batch_size": len(rows)},
            ) from error
        except (RuntimeError, MemoryError) as error:
            failures.log(error, batch_size=len(rows))
            if self._is_lost():
                raise DeviceLost(
                    f"{self.device} has failed, and this server is stopping: call another one, or"
                    " this one when it has been restarted"
                ) from error
            raise model_failed(len(rows)) from error
        failures.succeeded()
        return features

    def _is_lost(self) -> bool:
        """Return whether the device will fail at every call until this process ends.

        That is so after an illegal access, an uncorrectable memory error, or when it has dropped
        off the bus; not after a kernel that was refused.
        """
        if self._place.type != "cuda":
            return False
        try:
            torch.cuda.synchronize(self._place)
        except RuntimeError:
            return True
        return False


def make_torch_engine(
    model: ClipModel, device: torch.device, precision: str, *, max_batch_size: int = 32
) -> TorchEngine:
    """Return the engine of a model.

    Raises:
        PrecisionTooLow: the precision is too low for this model (`agreement.py`).
        ModelError: the device does not have enough memory, or can't compute the model.
    """
    engine = TorchEngine(
        model.towers(), model.image_size, device, precision, max_batch_size=max_batch_size
    )
    if device.type != "cpu" or precision != "fp32":
        require_agreement(engine, model, model.towers())
    return engine


def prepared(towers: Towers, device: torch.device, precision: str) -> Towers:
    """Return the towers on a device, in the form that the engine runs there.

    Args:
        towers: in float32 on the CPU; on CUDA or in bf16 they are changed in place.
        device: the device to run on.
        precision: `fp32` or `bf16`.

    Raises:
        torch.OutOfMemoryError: the device does not have enough memory.
    """
    image, text = towers
    if device.type == "cuda" and isinstance(image, Fusable):
        image = image.fused(torch.bfloat16 if precision == "bf16" else torch.float32)
    for tower in (image, text):
        tower.to(device)
        if precision == "bf16":
            _keep_in_bf16(tower)
    return Towers(image, text)


def _keep_in_bf16(tower: nn.Module) -> None:
    """Round the matrices, so that autocast need not do it at every call."""
    in_fp32 = set(tower.lower.modules()) if isinstance(tower, MixedPrecision) else set()
    for module in tower.modules():
        if isinstance(module, _MATRICES) and module not in in_fp32:
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(torch.bfloat16)


def _refusal(device: torch.device, error: RuntimeError) -> ModelError:
    """Return the error for a GPU on which a model can't be set up."""
    # If a GPU is too full for CUDA itself, torch raises no OutOfMemoryError.
    if "out of memory" in str(error):
        return ModelError(
            f"{device} does not have enough memory for the model; start with --device cpu or a"
            " smaller --model",
            reason="MODEL_OUT_OF_MEMORY",
        )
    why = str(error).partition("\n")[0]
    return ModelError(
        f"{device} can't compute the model ({why}); start with --device cpu",
        reason="MODEL_DEVICE_FAILED",
    )
