"""Chinese-CLIP by cn_clip and torch: the `Encoder` of the five published models.

The networks and their sizes are cn_clip's; its `load_from_name` is not used, because it unpickles
whatever the file holds, evaluates a string of its configuration, prints, and rounds the weights to
half precision. Embeddings agree with it all the same (cosine of at least 0.9999,
`tests/integration/test_chinese_clip.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tihua_server.architecture import Architecture, architectures
from tihua_server.checkpoint import fetch_checkpoint, read_checkpoint
from tihua_server.devices import torch_device
from tihua_server.errors import ModelError
from tihua_server.fingerprint import fingerprint
from tihua_server.tokenizer import CONTEXT_LENGTH, Tokenizer
from tihua_server.types import FloatArray, ModelInfo, ModelRef, PixelArray, TokenArray, Tokens

PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)
PIXEL_STD = (0.26862954, 0.26130258, 0.27577711)
"""Of the red, green and blue of CLIP's training pictures, from 0 to 1 (`image_transform`)."""


class ChineseClip:
    """Texts and pictures into one space by a Chinese-CLIP network, in fp32.

    Args:
        network: cn_clip's `CLIP` with its weights, in eval mode, on its device.
        info: what it is.
    """

    def __init__(self, network: Any, info: ModelInfo) -> None:
        self.info = info
        self._network = network
        self._tokenizer = Tokenizer(info.context_length)
        self._device = torch.device(info.device)
        self._mean = torch.tensor(PIXEL_MEAN, device=self._device).view(3, 1, 1)
        self._std = torch.tensor(PIXEL_STD, device=self._device).view(3, 1, 1)

    def tokenize(self, text: str) -> Tokens:
        """Return the tokens of one text, cut to `info.context_length`; thread-safe."""
        return self._tokenizer.tokenize(text)

    def encode_texts(self, texts: Sequence[TokenArray]) -> FloatArray:
        """Return one embedding per text: (len(texts), dim) float32 on the CPU, L2 norm 1.

        Texts are padded to the longest of them and not to the context: padding is masked, so the
        embeddings are the same, at a fraction of the time.

        Raises:
            ModelError: the model failed, for example for want of memory.
        """
        longest = max(map(len, texts), default=0)
        # 0 is [PAD], which the network masks.
        padded = np.zeros((len(texts), longest), dtype=np.int64)
        for row, text in zip(padded, texts, strict=True):
            row[: len(text)] = text
        return self._embeddings(len(texts), lambda: self._text_features(padded))

    def encode_images(self, images: Sequence[PixelArray]) -> FloatArray:
        """Return one embedding per picture: (len(images), dim) float32 on the CPU, L2 norm 1.

        Args:
            images: (image_size, image_size, 3) uint8 RGB; scaled and normalised here.

        Raises:
            ModelError: the model failed, for example for want of memory.
        """
        return self._embeddings(len(images), lambda: self._image_features(images))

    def _text_features(self, ids: TokenArray) -> torch.Tensor:
        features: torch.Tensor = self._network.encode_text(torch.from_numpy(ids).to(self._device))
        return features

    def _image_features(self, images: Sequence[PixelArray]) -> torch.Tensor:
        # As bytes to the device: a quarter of what floats would be.
        pixels = torch.from_numpy(np.stack(images)).to(self._device).permute(0, 3, 1, 2)
        scaled = pixels.float().div_(255).sub_(self._mean).div_(self._std)
        features: torch.Tensor = self._network.encode_image(scaled.contiguous())
        return features

    def _embeddings(self, count: int, features: Callable[[], torch.Tensor]) -> FloatArray:
        if count == 0:
            return np.empty((0, self.info.dim), dtype=np.float32)
        try:
            with torch.inference_mode():
                rows: FloatArray = functional.normalize(features().float()).cpu().numpy()
        except torch.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise ModelError(
                f"{self.info.device} has not enough memory for a batch of {count};"
                " send fewer at once, or start the server with a smaller --max-batch-size",
                reason="MODEL_OUT_OF_MEMORY",
                metadata={"batch_size": count},
            ) from error
        except (RuntimeError, MemoryError) as error:
            raise ModelError(
                f"{self.info.ref.id} failed on a batch of {count}; the server's log says why",
                metadata={"batch_size": count},
            ) from error
        if not np.isfinite(rows).all():
            raise ModelError(
                f"{self.info.ref.id} made an embedding that is not finite; its checkpoint is"
                " damaged: fetch it again",
                reason="MODEL_NOT_FINITE",
            )
        return rows


def load_chinese_clip(
    name: str,
    *,
    path: Path | None = None,
    source: str = "huggingface",
    cache_dir: Path = Path("~/.cache/tihua"),
    device: str = "auto",
) -> ChineseClip:
    """Return a published Chinese-CLIP model, or one of the same architecture, ready to encode.

    Args:
        name: ViT-B-16, ViT-L-14, ViT-L-14-336, ViT-H-14 or RN50.
        path: a checkpoint of that architecture; None fetches the published one.
        source: the hub to fetch from: `huggingface` or `modelscope`.
        cache_dir: the directory that keeps fetched checkpoints.
        device: `auto` (CUDA where there is one, else the CPU), `cpu`, `cuda` or `cuda:N`.

    Raises:
        ModelError: no such model or device, the checkpoint can't be fetched or read, or it is of
            another architecture. The message is one line for whoever starts the server.
    """
    architecture = next((each for each in architectures() if each.name == name), None)
    if architecture is None:
        names = ", ".join(each.name for each in architectures())
        raise ModelError(f"there is no model {name!r}; Chinese-CLIP has: {names}")
    place = torch_device(device)
    if path is None:
        path = fetch_checkpoint(name, source=source, cache_dir=cache_dir.expanduser())
    state = read_checkpoint(path)
    _require_fit(architecture, path, state)
    spec = {
        "architecture": name,
        "image_size": architecture.image_size,
        "resize": "bicubic",
        "pixel_mean": PIXEL_MEAN,
        "pixel_std": PIXEL_STD,
        "context_length": CONTEXT_LENGTH,
    }
    info = ModelInfo(
        ref=ModelRef(id=name, fingerprint=fingerprint(_weights(state), spec)),
        dim=architecture.dim,
        image_size=architecture.image_size,
        context_length=CONTEXT_LENGTH,
        device=str(place),
        precision="fp32",
        engine="torch",
    )
    # Copied out of the mapped file, which may be replaced while the server runs.
    weights = {
        key: tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
        for key, tensor in state.items()
    }
    network = architecture.network()
    network.load_state_dict(weights, assign=True)
    try:
        network.eval().requires_grad_(requires_grad=False).to(place)
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"{place} has not enough memory for {name}; start with --device cpu or a smaller model",
            reason="MODEL_OUT_OF_MEMORY",
        ) from error
    return ChineseClip(network, info)


def _weights(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors that embeddings depend on: neither counters nor CLIP's temperature."""
    return {
        name: tensor
        for name, tensor in state.items()
        if tensor.is_floating_point() and name != "logit_scale"
    }


def _require_fit(architecture: Architecture, path: Path, state: Mapping[str, torch.Tensor]) -> None:
    differences = architecture.differences(state)
    if not differences:
        return
    fitting = next((each for each in architectures() if not each.differences(state)), None)
    more = f", and {len(differences) - 1} more differences" if len(differences) > 1 else ""
    names = ", ".join(each.name for each in architectures())
    remedy = (
        f"it fits {fitting.name}: start with --model {fitting.name}"
        if fitting
        else f"it fits none of {names}"
    )
    raise ModelError(
        f"{path} does not hold {architecture.name}: {differences[0]}{more}; {remedy}",
        reason="CHECKPOINT_MISMATCH",
    )
