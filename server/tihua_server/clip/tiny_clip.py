"""The packaged model `tihua-tiny`, which needs no model hub.

It is small (23 MB) and knows everyday things, not verse; `models/tihua-tiny.md` says what it was
trained on, how well it finds, and what it cannot do.
"""

import copy
import hashlib
import json
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from tihua_server.clip.efficientnet_lite import PIXEL_MEAN, PIXEL_SCALE
from tihua_server.clip.fingerprint import fingerprint
from tihua_server.clip.model import ClipModel, Towers
from tihua_server.clip.tiny_network import ImageTower, NetworkShape, TinyNetwork
from tihua_server.clip.tokenizer import CONTEXT_LENGTH
from tihua_server.errors import ModelError
from tihua_server.types import ModelRef

MODEL_ID = "tihua-tiny"
MODEL_FILE = "tihua-tiny.safetensors"
MODEL_SHA256 = "9a7513d61d21066268baf1cd0450daef19b52f957647634ff4b8e5477d850f93"
"""Of `PACKAGED_MODEL`; `models/tihua-tiny.md` says how it was made."""

PACKAGED_MODEL = Path(__file__).parent.parent / "models" / MODEL_FILE

FP32_BLOCKS = 2
"""Number of first blocks that run in fp32, as the stem does, whatever the others run in.

The depthwise convolution of the first block takes small differences between the stem's large
values. Of 128 pictures of the gallery the lowest cosine of bf16 to fp32 is 0.9954 if everything is
rounded, 0.9973 if only the stem or only that block is, and above 0.9998 if only any other block is.
With two blocks in fp32 the lowest of 192 is 0.9997; with only the stem and that convolution,
0.9991. A picture takes 9.5 ms with two blocks in fp32, and 16 ms with all (two cores of Zen 4)."""


class MixedPrecisionImageTower(nn.Module):
    """The network's image tower, for pixels as in `Towers` (`MixedPrecision`)."""

    def __init__(self, tower: ImageTower) -> None:
        super().__init__()
        # Channels-last, in which pixels come, is four times as fast here as the default.
        tower = tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.lower: nn.Module = _Lower(tower)
        self.upper: nn.Module = _Upper(tower)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (batch, dim) of (batch, side, side, 3) uint8."""
        with torch.autocast(pixels.device.type, enabled=False):
            maps = self.lower(pixels)
        return cast("Tensor", self.upper(maps))


class _Lower(nn.Module):
    def __init__(self, tower: ImageTower) -> None:
        super().__init__()
        self.layers = tower.first(FP32_BLOCKS)

    def forward(self, pixels: Tensor) -> Tensor:
        return cast("Tensor", self.layers(pixels.permute(0, 3, 1, 2).float()))


class _Upper(nn.Module):
    def __init__(self, tower: ImageTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, maps: Tensor) -> Tensor:
        return self.tower.embed(self.tower.pool(maps, FP32_BLOCKS))


def read_tiny_clip(path: Path | None = None) -> ClipModel:
    """Return the packaged model, or one that `tihua_server.training` made.

    Args:
        path: a model file; None is the one that comes with the server, which must have the sha256
            that this version was released with.

    Raises:
        ModelError: the file is missing, damaged, or no tihua-tiny model.
    """
    network = read_network(path or PACKAGED_MODEL)
    spec: dict[str, object] = {
        "architecture": MODEL_ID,
        "pixels": [PIXEL_MEAN, PIXEL_SCALE],
        "resize": "bicubic",
    }
    spec |= network.shape.to_metadata()
    return ClipModel(
        ref=ModelRef(id=MODEL_ID, fingerprint=fingerprint(network.state_dict(), spec)),
        dim=network.shape.dim,
        image_size=network.shape.image_size,
        context_length=CONTEXT_LENGTH,
        towers=lambda: _towers(network),
    )


def read_network(path: Path) -> TinyNetwork:
    """Return the network of a model file, in eval mode and without gradients.

    Raises:
        ModelError: the file is missing, damaged, or no tihua-tiny model; that of `PACKAGED_MODEL`
            is not what this version was released with.
    """
    content = _read(path)
    if path == PACKAGED_MODEL and (digest := hashlib.sha256(content).hexdigest()) != MODEL_SHA256:
        raise ModelError(
            f"{MODEL_FILE} has sha256 {digest}, this version of tihua-server needs "
            f"{MODEL_SHA256}; the file is damaged: install the package again",
            reason="MODEL_FILE_DAMAGED",
        )
    return _network(content, path.name)


def _towers(network: TinyNetwork) -> Towers:
    # Copied: an engine may change its towers, and ask for fresh ones to compare them with.
    own = copy.deepcopy(network)
    return Towers(MixedPrecisionImageTower(own.image).eval(), own.text)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"model file {path.name} cannot be read: {error.strerror}", reason="MODEL_FILE_MISSING"
        ) from error


def _network(content: bytes, name: str) -> TinyNetwork:
    try:
        shape = NetworkShape.from_metadata(_metadata(content))
        tensors = {
            key: tensor.float() if tensor.is_floating_point() else tensor
            for key, tensor in load(content).items()
        }
        # On `meta` there is no random initialization, which would only be overwritten, and take
        # longer than reading the file.
        with torch.device("meta"):
            network = TinyNetwork(shape)
        network.load_state_dict(tensors, assign=True)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{name} is damaged or no {MODEL_ID} model: {error}", reason="MODEL_FILE_DAMAGED"
        ) from error
    return network.eval().requires_grad_(requires_grad=False)


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file: eight bytes of length, then JSON.

    The library reads it only from a path; here it must come from the bytes whose hash was checked.
    """
    length = int.from_bytes(content[:8], "little")
    try:
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        return {name: str(value) for name, value in metadata.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("it does not begin as a safetensors file that was trained here") from error
