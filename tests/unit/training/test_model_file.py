"""The model file that a training writes."""

import json
from pathlib import Path

import pytest
from tihua_server.clip.tiny_clip import read_network
from tihua_server.clip.tiny_network import NetworkShape, TinyNetwork
from tihua_server.errors import ModelError
from tihua_server.training.model_file import write_model


def test_equal_weights_make_equal_bytes(tmp_path: Path) -> None:
    """Otherwise its sha256 could not be reproduced."""
    network = TinyNetwork(NetworkShape(image_size=32, dim=8, characters=4, bigrams=2))
    digests = {write_model(network, tmp_path / f"{number}.safetensors") for number in range(8)}
    assert len(digests) == 1
    assert read_network(tmp_path / "0.safetensors").shape == network.shape


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ("32", "does not begin as a safetensors file that was trained here"),
        ({"image_size": "0"}, "its pictures are 0 px; 32 to 1024 can be served"),
        ({"image_size": "99999"}, "its pictures are 99999 px; 32 to 1024 can be served"),
        ({"dim": "-8"}, "is damaged or no tihua-tiny model"),
    ],
)
def test_a_header_that_says_no_shape_is_refused(
    tmp_path: Path, metadata: str | dict[str, str], told: str
) -> None:
    """Before pictures are made of that size, in one line."""
    file = tmp_path / "model.safetensors"
    write_model(TinyNetwork(NetworkShape(image_size=32, dim=8)), file)
    content = file.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    own = header["__metadata__"]
    header["__metadata__"] = own | metadata if isinstance(metadata, dict) else metadata
    changed = json.dumps(header).encode()
    file.write_bytes(len(changed).to_bytes(8, "little") + changed + content[end:])
    with pytest.raises(ModelError, match=told):
        read_network(file)
