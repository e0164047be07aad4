"""The files from which a stopped training is resumed."""

from pathlib import Path
from typing import Any

import torch

from tihua_server.training.failures import TrainingError, ran_out_of_memory
from tihua_server.training.out_folder import whole


def read_state(file: Path, training: str) -> dict[str, Any]:
    """Return what `write_state` wrote, with all tensors on the CPU.

    Networks and optimizers move them to their own device, except an optimizer's step counts, which
    belong on the CPU: on a GPU, every step would wait for them.

    Args:
        file: it exists.
        training: identifies the training; the entry "training" of the file must equal it.

    Raises:
        TrainingError: the file is damaged, or belongs to another training or version.
        MemoryError, OSError, RuntimeError: the file can't be read now, but may be undamaged.
    """
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (MemoryError, OSError):
        raise
    except Exception as error:  # torch and pickle raise nearly anything
        if ran_out_of_memory(error):
            raise
        msg = f"{file} is damaged: delete it, and the training begins anew"
        raise TrainingError(msg) from error
    if not isinstance(state, dict) or state.get("training") != training:
        raise TrainingError(
            f"{file} belongs to a training with another model, data or settings, or to"
            f" another version of tihua or OpenCC: choose another --out, or delete {file.name}"
        )
    return state


def write_state(file: Path, state: dict[str, Any]) -> None:
    """Write a state.

    Raises:
        OSError: it can't be written.
    """
    with whole(file) as partial:
        try:
            torch.save(state, partial)
        except RuntimeError as error:  # torch hides the system's error
            raise OSError("torch could not write all of it; is the disk full?") from error
