"""Writes a trained network as the one file that the server loads."""

import hashlib
from pathlib import Path

from safetensors.torch import save

from tihua_server.tiny_network import TinyNetwork


def write_model(network: TinyNetwork, path: Path) -> str:
    """Write the network in half precision, its shape in the header; return the file's sha256."""
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().cpu()
        for name, tensor in network.state_dict().items()
    }
    content = save(tensors, metadata=network.shape.to_metadata())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()
