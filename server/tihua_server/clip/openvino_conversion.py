"""torch towers → OpenVINO networks, and their int8 form."""

import contextlib
import importlib.util
import io
import logging
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import openvino as ov
import torch
from torch import nn

from tihua_server.clip.model import MixedPrecision, Packable, Towers
from tihua_server.clip.packed_text import pack
from tihua_server.errors import ConfigError
from tihua_server.extras import install_hint
from tihua_server.packaged_gallery import gallery_pixels

REVISION = 7
"""Version of the conversion, of the check after it and of the files of both: raised when one of
these changes, so that cached models are converted anew."""

CALIBRATION_PICTURES = 192
"""Pictures of the packaged gallery whose activations set the ranges of int8. With 64, one picture
of 200, a lawn, had a cosine of 0.989 (ViT-B-16, random weights); with 192 it has 0.996."""


class Networks(NamedTuple):
    """A model as OpenVINO networks, for any batch size and text length.

    Attributes:
        image: (batch, side, side, 3) uint8 RGB, or the maps of `lower` if there is one → (batch,
            dim).
        text: what `pack` returns if the tower is `Packable`, else padded ids → (batch, dim).
        lower: the part of a `MixedPrecision` tower that must run in fp32: pixels → maps.
    """

    image: ov.Model
    text: ov.Model
    lower: ov.Model | None = None


def converted(towers: Towers, image_size: int) -> Networks:
    """Convert towers to networks.

    Args:
        towers: in eval mode, fp32, on the CPU.
        image_size: side of a picture, in pixels.
    """
    pixels = torch.zeros(2, image_size, image_size, 3, dtype=torch.uint8)
    lower = None
    with torch.inference_mode(), _quiet():
        if isinstance(towers.image, MixedPrecision):
            lower = _of_rows(towers.image.lower, pixels)
            image = _of_rows(towers.image.upper, towers.image.lower(pixels))
        else:
            image = _of_rows(towers.image, pixels)
        ids = np.ones((2, 9), np.int64)
        if isinstance(towers.text, Packable):
            text = _network(towers.text.packed(), *map(torch.from_numpy, pack(ids)))
            text.reshape(dict(enumerate(([-1, -1], [-1, -1], [-1]))))
        else:
            text = _network(towers.text, torch.from_numpy(ids))
            text.reshape([-1, -1])
    return Networks(image, text, lower)


def _of_rows(tower: nn.Module, example: torch.Tensor) -> ov.Model:
    """Convert a tower to a network that takes any number of rows shaped like the example's."""
    network = _network(tower, example)
    network.reshape([-1, *example.shape[1:]])
    return network


def _network(tower: nn.Module, *example: torch.Tensor) -> ov.Model:
    # Traced here, because `convert_model` would run the tower twice more to check the trace;
    # `agreement.py` checks the result.
    traced = torch.jit.trace(tower, example, check_trace=False)  # type: ignore[no-untyped-call]
    return ov.convert_model(traced, example_input=example)


def quantized(networks: Networks, image_size: int) -> Networks:
    """Quantize networks to int8: weights and activations for pictures, weights for texts.

    Depthwise convolutions are left out: they are a small part of the work and lose much precision.
    With them the lowest cosine to fp32 of 128 photographs is 0.982 instead of 0.994 (tihua-tiny).

    On a CPU with VNNI, OpenVINO quantizes the activations of texts too, with ranges found at run
    time. Those of pictures are fixed here: 2 to 10 % faster (ViT-B-16, two cores of Zen 4).

    Raises:
        ConfigError: nncf, which quantizes, is not installed.
    """
    if importlib.util.find_spec("nncf") is None:
        raise ConfigError(
            f"--precision int8 needs nncf to quantize the model: {install_hint('int8')}, or start "
            "with --precision auto"
        )
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    rows = [pixels[np.newaxis] for pixels in gallery_pixels(CALIBRATION_PICTURES, image_size)]
    if networks.lower is not None:
        lower = ov.compile_model(networks.lower, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        rows = [lower(each)[0] for each in rows]
    with _quiet():
        return networks._replace(
            image=nncf.quantize(
                networks.image,
                nncf.Dataset(rows),
                subset_size=len(rows),
                model_type=nncf.ModelType.TRANSFORMER,
                preset=nncf.QuantizationPreset.MIXED,
                ignored_scope=nncf.IgnoredScope(types=["GroupConvolution"], validate=False),
            ),
            text=nncf.compress_weights(networks.text, mode=nncf.CompressWeightsMode.INT8_ASYM),
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep tracing warnings and progress bars, which mean nothing to an operator, off the log."""
    with (
        warnings.catch_warnings(action="ignore"),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        yield
