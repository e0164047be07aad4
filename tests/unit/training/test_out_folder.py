"""The folder that a training writes to."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.lib.format import open_memmap
from tihua_server.training.failures import TrainingError
from tihua_server.training.out_folder import occupied, read_array, reserve, whole
from tihua_server.training.state_file import read_state, write_state

ROOM = 100_000
"""Bytes that fit into a file before the disk is full."""


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Make the system accept `ROOM` bytes of any file and refuse the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    """Until then, and if writing fails, the old file stays."""
    file = tmp_path / "curve.png"
    for content in (b"old", b"new"):
        with whole(file) as partial:
            partial.write_bytes(content)
            assert not file.exists() or file.read_bytes() == b"old"
    with pytest.raises(KeyError), whole(file) as partial:
        partial.write_bytes(b"half")
        raise KeyError
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("full_disk")
def test_a_state_that_has_no_room_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """The old one is still there to continue from."""
    file = tmp_path / "heads.pt"
    write_state(file, {"training": "a", "epochs": 1})
    with pytest.raises(OSError, match=r"heads\.pt can't be written .*continues once it can"):
        write_state(file, {"training": "a", "epochs": 2, "network": torch.zeros(ROOM)})
    assert read_state(file, "a")["epochs"] == 1
    assert list(tmp_path.iterdir()) == [file]


def test_a_mapped_file_has_its_room_before_it_is_filled(tmp_path: Path) -> None:
    """Otherwise the system would kill the process."""
    maps = tmp_path / "maps.npy"
    open_memmap(maps, "w+", np.float16, (ROOM // 4,))
    reserve(maps)
    assert maps.stat().st_blocks * 512 >= maps.stat().st_size


@pytest.mark.parametrize("mmap_mode", [None, "c"])
@pytest.mark.parametrize("size", [0, 20, 150])
def test_a_damaged_array_is_named(
    tmp_path: Path, size: int, mmap_mode: Literal["c"] | None
) -> None:
    """The message says what to do."""
    file = tmp_path / "pooled.npy"
    np.save(file, np.zeros(100, np.float16))
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(TrainingError, match=r"pooled\.npy is damaged: delete it"):
        read_array(file, mmap_mode)


def test_a_folder_is_free_again_when_a_training_ends(tmp_path: Path) -> None:
    """However it ends."""
    out = tmp_path / "out"
    with pytest.raises(KeyError), occupied(out):
        with pytest.raises(TrainingError, match="another training is at work"), occupied(out):
            pass
        raise KeyError
    with occupied(out):
        pass


def test_a_state_for_which_there_is_no_memory_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise hours of work would be deleted for nothing."""
    file = tmp_path / "heads.pt"
    write_state(file, {"training": "a"})

    def load(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 GB")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", load)
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            read_state(file, "a")
    assert read_state(file, "a") == {"training": "a"}
