"""The file that a training ends with."""

from pathlib import Path

from tihua_server.tiny_clip import read_network
from tihua_server.tiny_network import NetworkShape, TinyNetwork
from tihua_server.training.model_file import write_model


def test_equal_weights_make_equal_bytes(tmp_path: Path) -> None:
    """A sha256 that nobody could make again would say nothing."""
    network = TinyNetwork(NetworkShape(image_size=32, dim=8, characters=4, bigrams=2))
    digests = {write_model(network, tmp_path / f"{number}.safetensors") for number in range(8)}
    assert len(digests) == 1
    assert read_network(tmp_path / "0.safetensors").shape == network.shape
