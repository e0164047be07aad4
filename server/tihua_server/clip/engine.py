"""The engine that runs a model's towers: the interface of `ClipEncoder` to torch or OpenVINO."""

from typing import Protocol

from tihua_server.errors import ModelError
from tihua_server.recurring import RecurringErrors
from tihua_server.types import FloatArray, PixelArray, TokenArray


class Engine(Protocol):
    """Runs the two towers on one device in one precision.

    Embeddings agree with those of torch in fp32 within the bounds of `agreement.py`.
    """

    name: str
    """`torch` or `openvino`."""

    device: str
    """`cpu` or `cuda:0`."""

    precision: str
    """`fp32`, `bf16` or `int8`."""

    image_streams: int
    """As `Encoder.image_streams`."""

    padding_cost: float
    """As `Encoder.padding_cost`."""

    def embed_texts(self, ids: TokenArray) -> FloatArray:
        """Return (batch, dim) float32, of any norm, for (batch, length) int64, padded with 0.

        Raises:
            ModelError: the engine failed, for example by running out of memory.
        """

    def embed_images(self, pixels: PixelArray) -> FloatArray:
        """Return (batch, dim) float32, of any norm, for (batch, side, side, 3) uint8 RGB.

        Raises:
            ModelError: the engine failed, for example by running out of memory.
        """


def tower_failures() -> RecurringErrors:
    """Return the log of one tower's failed batches, without repetitions."""
    return RecurringErrors("model failed")


def model_failed(batch_size: int) -> ModelError:
    """Return the error for the callers of a batch that an engine failed to compute."""
    return ModelError(
        f"the model failed on a batch of {batch_size}; the server's log says why",
        metadata={"batch_size": batch_size},
    )
