"""The embedded model `tihua-tiny`, which needs no model hub.

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

from tihua_server.clip_model import ClipModel, Towers
from tihua_server.efficientnet_lite import PIXEL_MEAN, PIXEL_SCALE
from tihua_server.errors import ModelError
from tihua_server.fingerprint import fingerprint
from tihua_server.tiny_network import ImageTower, NetworkShape, TinyNetwork
from tihua_server.tokenizer import CONTEXT_LENGTH
from tihua_server.types import ModelRef

MODEL_ID = "tihua-tiny"
MODEL_FILE = "tihua-tiny.safetensors"
MODEL_SHA256 = "3de02dfab07cc9cef55fadd2336c3eb89696979ddbe7a0dcef58ae4111a6d0e5"
"""Of `PACKAGED_MODEL`; `models/tihua-tiny.md` says how it was made."""

PACKAGED_MODEL = Path(__file__).parent / "models" / MODEL_FILE


class PictureTower(nn.Module):
    """Pixels, as `Towers` wants them, through the network's image tower."""

    def __init__(self, tower: ImageTower) -> None:
        super().__init__()
        # Channels-last is four times as fast here as the plain order, and pixels come in it.
        self.tower = tower.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (batch, dim) of (batch, side, side, 3) uint8."""
        return cast("Tensor", self.tower(pixels.permute(0, 3, 1, 2).float()))


def read_tiny_clip(path: Path | None = None) -> ClipModel:
    """Return the embedded model, or one that `tihua_server.training` made.

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
        # Its pictures keep a cosine of 0.997 (the lowest of those in `agreement.py`): too low.
        tolerates_bf16=False,
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
        msg = (
            f"{MODEL_FILE} has sha256 {digest}, this version of tihua-server needs "
            f"{MODEL_SHA256}; the file is damaged: install the package again"
        )
        raise ModelError(msg, reason="MODEL_FILE_DAMAGED")
    return _network(content, path.name)


def _towers(network: TinyNetwork) -> Towers:
    # Copied: an engine may change its towers, and ask for others to compare them with.
    own = copy.deepcopy(network)
    return Towers(PictureTower(own.image).eval(), own.text)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"model file {path.name} cannot be read: {error.strerror}"
        raise ModelError(msg, reason="MODEL_FILE_MISSING") from error


def _network(content: bytes, name: str) -> TinyNetwork:
    try:
        shape = NetworkShape.from_metadata(_metadata(content))
        tensors = {
            key: tensor.float() if tensor.is_floating_point() else tensor
            for key, tensor in load(content).items()
        }
        # On `meta` nothing is drawn at random only to be overwritten, which would take longer
        # than reading the file.
        with torch.device("meta"):
            network = TinyNetwork(shape)
        network.load_state_dict(tensors, assign=True)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        msg = f"{name} is damaged or no {MODEL_ID} model: {error}"
        raise ModelError(msg, reason="MODEL_FILE_DAMAGED") from error
    return network.eval().requires_grad_(requires_grad=False)


def _metadata(content: bytes) -> dict[str, str]:
    """Return the metadata of a safetensors file: eight bytes of length, then JSON.

    The library reads it from a path only; here it must be of the bytes whose hash was checked.
    """
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
        return cast("dict[str, str]", header["__metadata__"])
    except (ValueError, KeyError, TypeError) as error:
        msg = "it does not begin as a safetensors file that was trained here"
        raise ValueError(msg) from error
