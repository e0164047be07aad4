"""The embedded model `tihua-tiny`: an `Encoder` that needs no model hub.

It is small (24 MB) and knows everyday things, not verse; `models/tihua-tiny.md` says what it was
trained on, how well it finds, and what it cannot do.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import cast

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from tihua_server.devices import torch_device
from tihua_server.errors import ModelError
from tihua_server.fingerprint import fingerprint
from tihua_server.tiny_network import PIXEL_MEAN, PIXEL_SCALE, NetworkShape, TinyNetwork
from tihua_server.tokenizer import CONTEXT_LENGTH, Tokenizer
from tihua_server.types import FloatArray, ModelInfo, ModelRef, PixelArray, TokenArray, Tokens

MODEL_ID = "tihua-tiny"
MODEL_FILE = "tihua-tiny.safetensors"
MODEL_SHA256 = "42b3b4f99568b914d3963a8cd78d2f46ae1ddf1c8e69f1d28f326f982bcb61e0"
"""Of the file in `models/`; `models/tihua-tiny.md` says how it was made."""


class TinyClip:
    """Texts and pictures into one space by a `TinyNetwork`, in fp32.

    Args:
        network: with its weights, in eval mode, on `device`.
        ref: its name and fingerprint.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
    """

    def __init__(self, network: TinyNetwork, ref: ModelRef, device: str) -> None:
        self._network = network
        self._device = torch.device(device)
        self._tokenizer = Tokenizer(context_length=CONTEXT_LENGTH)
        self.info = ModelInfo(
            ref=ref,
            dim=network.shape.dim,
            image_size=network.shape.image_size,
            context_length=CONTEXT_LENGTH,
            device=device,
            precision="fp32",
            engine="torch",
        )

    def tokenize(self, text: str) -> Tokens:
        """Return the tokens of one text, cut to `info.context_length`."""
        return self._tokenizer.tokenize(text)

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Return one embedding per text: (len(texts), dim) float32 on the CPU, L2 norm 1.

        The order of the words counts within pairs of neighbours only.

        Raises:
            ModelError: the model failed, for example for want of memory.
        """
        if not texts:
            return self._nothing()
        # 0 is [PAD], which the text tower leaves out.
        padded = np.zeros((len(texts), max(map(len, texts))), dtype=np.int64)
        for row, text in zip(padded, texts, strict=True):
            row[: len(text)] = text
        try:
            with torch.inference_mode():
                ids = torch.from_numpy(padded).to(self._device)
                return cast("FloatArray", self._network.text(ids).cpu().numpy())
        except (RuntimeError, MemoryError) as error:
            raise _failed(len(texts), "texts") from error

    def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
        """Return one embedding per picture: (len(images), dim) float32 on the CPU, L2 norm 1.

        Args:
            images: (image_size, image_size, 3) uint8 RGB; normalised here.

        Raises:
            ModelError: the model failed, for example for want of memory.
        """
        if not images:
            return self._nothing()
        try:
            with torch.inference_mode():
                # (batch, height, width, 3) seen as (batch, 3, height, width) is channels-last in
                # memory, which is four times as fast here as the plain order.
                pixels = torch.from_numpy(np.stack(images)).to(self._device).permute(0, 3, 1, 2)
                return cast("FloatArray", self._network.image(pixels.float()).cpu().numpy())
        except (RuntimeError, MemoryError) as error:
            raise _failed(len(images), "pictures") from error

    def _nothing(self) -> FloatArray:
        return np.zeros((0, self.info.dim), dtype=np.float32)


def load_tiny_clip(path: Path | None = None, *, device: str = "cpu") -> TinyClip:
    """Return the embedded model, or one that `tihua_server.training` made.

    Args:
        path: a model file; None is the one that comes with the server, which must have the sha256
            that this version was released with.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        ModelError: the file is missing, damaged, or no tihua-tiny model; there is no such device.
    """
    if path is None:
        content = _read(cast("Path", resources.files("tihua_server")) / "models" / MODEL_FILE)
        digest = hashlib.sha256(content).hexdigest()
        if digest != MODEL_SHA256:
            msg = (
                f"{MODEL_FILE} has sha256 {digest}, this version of tihua-server needs "
                f"{MODEL_SHA256}; the file is damaged: install the package again"
            )
            raise ModelError(msg, reason="MODEL_FILE_DAMAGED")
    else:
        content = _read(path)
    network = _network(content, MODEL_FILE if path is None else path.name)
    spec: dict[str, object] = {
        "architecture": MODEL_ID,
        "pixels": [PIXEL_MEAN, PIXEL_SCALE],
        "resize": "bicubic",
    }
    spec |= network.shape.to_metadata()
    ref = ModelRef(id=MODEL_ID, fingerprint=fingerprint(network.state_dict(), spec))
    place = torch_device(device)
    placed = network.to(device=place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TinyClip(placed, ref, str(place))


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
    header = json.loads(content[8 : 8 + length])
    return cast("dict[str, str]", header["__metadata__"])


def _failed(count: int, what: str) -> ModelError:
    msg = f"{MODEL_ID} failed on a batch of {count} {what}; try fewer at once"
    return ModelError(msg, metadata={"batch_size": count})
