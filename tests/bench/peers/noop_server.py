"""Our server with a model that costs nothing: only the cost of the service itself is left."""

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fake_encoder import FakeEncoder
from tihua_server.app import serving
from tihua_server.config import Config
from tihua_server.logs import configure_logs
from tihua_server.memory import tune_for_serving
from tihua_server.types import FloatArray, ModelInfo, ModelRef

from bench.companion import serve

DIM = 512
IMAGE_SIZE = 224
"""As ViT-B-16 has them."""

NOWHERE = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # for the process's life


class NoopEncoder(FakeEncoder):
    """Returns the same embedding for every input, at once."""

    info = ModelInfo(
        ref=ModelRef("noop", "0000000000000000"),
        dim=DIM,
        image_size=IMAGE_SIZE,
        context_length=52,
        device="cpu",
        precision="fp32",
        engine="noop",
    )
    image_streams = 2  # as OpenVINO has on two cores

    def __init__(self) -> None:
        """Make the embedding."""
        super().__init__()
        self._row: FloatArray = np.full(DIM, DIM**-0.5, np.float32)

    def _encode(self, inputs: Sequence[bytes]) -> FloatArray:
        return np.broadcast_to(self._row, (len(inputs), DIM))

    def encode_images(self, images: Sequence[Any]) -> FloatArray:
        """Return as many embeddings, without looking at the pixels."""
        return self._encode([b""] * len(images))


@contextlib.asynccontextmanager
async def noop_server() -> AsyncIterator[str]:
    """Run the server; yield its address."""
    tune_for_serving()
    # Logs are written as in a service, but discarded.
    with (
        contextlib.redirect_stderr(NOWHERE),
        tempfile.TemporaryDirectory(prefix="tihua-bench-") as data_dir,
    ):
        configure_logs("info", "json")
        config = Config(port=0, data_dir=Path(data_dir))
        async with serving(config, load=lambda _: [NoopEncoder()]) as app:
            yield app.address


if __name__ == "__main__":
    serve(noop_server)
