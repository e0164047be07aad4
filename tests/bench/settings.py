"""The settings of a run, from the command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PACKAGED_MODEL = "tihua-tiny"
"""The model that comes with the server, weights included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a run.

    Attributes:
        model: the model that is served, by name; weights of Chinese-CLIP are drawn at random.
        engine: `--engine` of the server.
        precision: `--precision` of the server, in rows that do not choose it themselves.
        rounds: how often each row is measured; figures are medians.
        is_quick: measure less of everything, to try the harness; such figures are not to be quoted.
        materials: the folder for weights, pictures and converted models, kept between runs.
        photographs: a tar or folder of pictures to ingest; None takes the gallery.
    """

    model: str
    engine: str
    precision: str
    rounds: int
    is_quick: bool
    materials: Path
    photographs: Path | None

    def pick(self, full: T, quick: T) -> T:
        """Return the amount for a full or for a quick run."""
        return quick if self.is_quick else full

    @property
    def torch_model(self) -> str:
        """The Chinese-CLIP to measure: that of the server, or ViT-B-16 if it serves none."""
        return "ViT-B-16" if self.model == PACKAGED_MODEL else self.model
