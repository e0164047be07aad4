"""The identity of a model: a hash of its weights and its preprocessing."""

import hashlib
import json
from collections.abc import Mapping

import torch

_DIGITS = 16
"""Hexadecimal digits kept, 64 bits: a million models collide with odds of 1 in 37 million."""


def fingerprint(tensors: Mapping[str, torch.Tensor], spec: Mapping[str, object]) -> str:
    """Return the fingerprint of a model: 16 hexadecimal digits.

    The order and the device of the tensors do not matter, and floating-point tensors are hashed as
    float32: a model stored in half precision is the same model stored in single.

    Args:
        tensors: all weights that the embeddings depend on, by name.
        spec: what else they depend on, as JSON values: image size, normalisation, architecture, …
    """
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True, ensure_ascii=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu()
        if tensor.is_floating_point():
            tensor = tensor.float()
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()[:_DIGITS]
