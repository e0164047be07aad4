"""The folder that a training writes to: locked, with files that are complete or absent."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tihua_server.training.failures import TrainingError


@contextlib.contextmanager
def occupied(folder: Path) -> Iterator[None]:
    """Lock a folder for one training; made if absent.

    Raises:
        TrainingError: another training is at work there. A file system without locks can't tell.
        OSError: it can't be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"another training is at work in {folder}: wait for its end, or choose another"
            raise TrainingError(f"{msg} --out") from error
        except OSError:
            pass
        yield


@contextlib.contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Yield a path to write to; it is renamed to `file` when complete, or removed on an error.

    Raises:
        OSError: the file can't be written; the message names it.
    """
    partial = file.with_suffix(f".partial{file.suffix}")
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())  # or the renamed file may be empty after a crash
        partial.rename(file)
    except BaseException as failure:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(failure, OSError) and not isinstance(failure, _UnwrittenError):
            raise _UnwrittenError(file, failure.strerror or str(failure)) from failure
        raise


def reserve(file: Path) -> None:
    """Allocate the disk space of a sparse file.

    If the disk is full when a mapped sparse file is written, the process is killed (SIGBUS).

    Raises:
        OSError: the disk is full.
    """
    with file.open("r+b") as opened:
        os.posix_fallocate(opened.fileno(), 0, max(1, file.stat().st_size))


def read_array(file: Path, mmap_mode: Literal["r", "c"] | None = None) -> npt.NDArray[Any]:
    """Return the array of a file that was written by `whole`.

    Args:
        file: in numpy's format.
        mmap_mode: how to map it into memory, as in `numpy.load`; None reads it.

    Raises:
        TrainingError: it is damaged.
    """
    try:
        array: npt.NDArray[Any] = np.load(file, mmap_mode=mmap_mode)
    except (EOFError, ValueError) as error:
        msg = f"{file} is damaged: delete it, and the same command makes it anew"
        raise TrainingError(msg) from error
    return array


class _UnwrittenError(OSError):
    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(
            f"{file} can't be written ({reason}); the same command continues once it can"
        )
