"""The checkpoints of a training of `tihua-tiny`, one file a stage."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tihua_server.training.recipe import Recipe
from tihua_server.training.state_file import read_state, write_state

HEADS = "heads"
BLOCKS = "blocks"
"""Names of the stages, and of their files: `heads.pt`, `blocks.pt`."""

CHECKPOINT_FORMAT = 3
"""Raise it when a checkpoint's contents, the network that a training begins with or a list of words
in this package changes, so that older checkpoints are refused."""


class Checkpoints:
    """Reads and writes the checkpoints of one training, and refuses those of another.

    Args:
        folder: where the files are.
        recipe: how the network is trained.
        origin: identifies the weights that the training starts from, and its materials.
    """

    def __init__(self, folder: Path, recipe: Recipe, origin: str) -> None:
        self._folder = folder
        self._recipe = recipe
        self._origin = origin

    def verify(self) -> None:
        """Check the files that are there, so that a training fails before it computes anything.

        Raises:
            TrainingError: one is damaged, or belongs to another training.
            MemoryError, OSError, RuntimeError: one can't be read now, but may be undamaged.
        """
        self.read(HEADS)
        if self._recipe.block_epochs:
            self.read(BLOCKS)

    def read(self, stage: str) -> dict[str, Any] | None:
        """Return the checkpoint of a stage, or None if there is none.

        Raises:
            TrainingError: it is damaged, or belongs to another training.
            MemoryError, OSError, RuntimeError: it can't be read now, but may be undamaged.
        """
        file = self._file(stage)
        return read_state(file, self._training(stage)) if file.exists() else None

    def write(self, stage: str, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint of a stage.

        Raises:
            OSError: it can't be written.
        """
        write_state(self._file(stage), {"training": self._training(stage), **state})

    def _file(self, stage: str) -> Path:
        return self._folder / f"{stage}.pt"

    def _training(self, stage: str) -> str:
        """Return what identifies the training, up to the end of a stage."""
        # Blocks may be trained later, from the heads that are there.
        recipe = replace(self._recipe, block_epochs=0) if stage == HEADS else self._recipe
        return f"format {CHECKPOINT_FORMAT}: {recipe} from {self._origin}"
