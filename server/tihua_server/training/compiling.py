"""Runs a module without gradients, by OpenVINO on a CPU if it is installed, or else by torch."""

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from tihua_server.types import FloatArray

Compute: TypeAlias = Callable[[npt.NDArray[Any]], list[FloatArray]]
"""Returns the module's outputs for a batch, at most as long as the example."""


def compiled(module: nn.Module, example: Tensor, device: str) -> Compute:
    """Return a module as a function of arrays.

    OpenVINO is about twice as fast as torch on a CPU.

    Args:
        module: in eval mode, with one input, and one output or a tuple of them.
        example: an input; batches are padded to its length, so that there is only one shape.
        device: where to compute, as torch names it.
    """
    if device == "cpu" and importlib.util.find_spec("openvino"):
        import openvino

        # torch's tracer, which OpenVINO calls, is deprecated and warns about every size.
        with warnings.catch_warnings(action="ignore"):
            model = openvino.convert_model(module, example_input=example)
        model.reshape(list(example.shape))
        hints = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
        network = openvino.Core().compile_model(model, "CPU", hints)
        return _filling(lambda batch: list(network(batch).values()), len(example))

    module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def by_torch(batch: npt.NDArray[Any]) -> list[FloatArray]:
        with torch.inference_mode():
            found = module(torch.from_numpy(batch).to(device))
        parts = found if isinstance(found, tuple) else (found,)
        return [part.cpu().numpy() for part in parts]

    return _filling(by_torch, len(example))


def _filling(compute: Compute, length: int) -> Compute:
    def filled(batch: npt.NDArray[Any]) -> list[FloatArray]:
        whole = np.zeros((length, *batch.shape[1:]), dtype=batch.dtype)
        whole[: len(batch)] = batch
        return [part[: len(batch)] for part in compute(whole)]

    return filled
