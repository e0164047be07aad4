"""How a run of the benchmark is done: what was asked for on the command line."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PACKAGED_MODEL = "tihua-tiny"
"""The model that needs no weights of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for.

    Attributes:
        model: the model that is served, by name; weights of Chinese-CLIP are drawn at random.
        engine: `--engine` of the server.
        precision: `--precision` of the server, where a row does not say it itself.
        rounds: how often each row is measured; medians are told.
        is_quick: measure less of everything: to try the harness, not to be quoted.
        materials: the folder for weights, pictures and converted models, kept from run to run.
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
