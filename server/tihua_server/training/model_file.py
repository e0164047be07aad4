"""Writes a trained network as the one file that the server loads."""

import hashlib
import json
from pathlib import Path

from safetensors.torch import save

from tihua_server.clip.tiny_network import TinyNetwork
from tihua_server.training.out_folder import whole


def write_model(network: TinyNetwork, path: Path) -> str:
    """Write the network in half precision, its shape in the header; return the file's sha256."""
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().cpu()
        for name, tensor in network.state_dict().items()
    }
    content = _sorted_header(save(tensors, metadata=network.shape.to_metadata()))
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial:
        partial.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _sorted_header(content: bytes) -> bytes:
    """Return a safetensors file with sorted metadata; the library writes them in any order.

    The header is eight bytes of length, then JSON, padded with spaces to a multiple of eight.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    ordered = json.dumps(header, separators=(",", ":")).encode()
    ordered += b" " * (-len(ordered) % 8)
    return len(ordered).to_bytes(8, "little") + ordered + content[end:]
