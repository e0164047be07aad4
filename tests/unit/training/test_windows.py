"""The cache of windows of pictures, for training the last blocks."""

from pathlib import Path

import pytest
import torch
from rich.progress import Progress
from tihua_server.clip.efficientnet_lite import POOLED_CHANNELS
from tihua_server.clip.tiny_network import ImageTower, NetworkShape
from tihua_server.training.augmentation import Window
from tihua_server.training.features import PictureCache
from tihua_server.training.photographs import Photographs
from tihua_server.training.windows import WindowCache, Windows

BLOCKS = 3
SIDE = 24
COUNT = 4

pytestmark = pytest.mark.usefixtures("torch_alone")


@pytest.fixture
def tower() -> ImageTower:
    """A tower of random weights."""
    torch.manual_seed(0)
    return ImageTower(NetworkShape(image_size=32)).eval()


def _windows(tower: ImageTower, photographs: Path, out: Path, *, seed: int = 0) -> Windows:
    """Return windows of the two photographs under train/, which are noise."""
    cache = PictureCache(out, tower, image_size=32, device="cpu")
    windows = WindowCache(cache, tower, blocks=BLOCKS, side=SIDE, seed=seed, device="cpu")
    source = Photographs(photographs, "train", views=1, seed=0)
    with Progress(disable=True) as progress:
        return windows.windows(source, Window(0.6, 1.0), COUNT, progress)


def test_the_last_blocks_make_of_a_map_what_the_tower_made(
    tower: ImageTower, photograph_folder: Path, tmp_path: Path
) -> None:
    """Before the first step there is no drift."""
    windows = _windows(tower, photograph_folder, tmp_path)
    assert windows.maps.shape[:2] == (2, COUNT)
    assert windows.pooled.shape == (2, COUNT, POOLED_CHANNELS)
    with torch.inference_mode():
        made = tower.pool(windows.maps.flatten(0, 1).float(), BLOCKS)
    torch.testing.assert_close(made, windows.pooled.flatten(0, 1).float(), rtol=1e-2, atol=1e-2)


def test_every_window_is_another(
    tower: ImageTower, photograph_folder: Path, tmp_path: Path
) -> None:
    """Another part, or another tint."""
    maps = _windows(tower, photograph_folder, tmp_path).maps.flatten(0, 1)
    for number, one in enumerate(maps):
        assert not any(torch.equal(one, other) for other in maps[number + 1 :])


def test_they_are_read_again_where_nothing_changed(
    tower: ImageTower, photograph_folder: Path, tmp_path: Path
) -> None:
    """They are drawn anew with another seed."""
    first = _windows(tower, photograph_folder, tmp_path)
    files = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*-maps.npy")}
    assert len(files) == 1
    again = _windows(tower, photograph_folder, tmp_path)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.glob("*-maps.npy")} == files
    assert torch.equal(first.maps, again.maps)
    other = _windows(tower, photograph_folder, tmp_path, seed=1)
    assert not torch.equal(first.maps, other.maps)


def test_openvino_makes_the_same(
    tower: ImageTower, photograph_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It computes them on a CPU if it is installed."""
    plain = _windows(tower, photograph_folder, tmp_path / "plain")
    monkeypatch.undo()
    usual = _windows(tower, photograph_folder, tmp_path / "usual")
    torch.testing.assert_close(usual.maps, plain.maps, rtol=1e-2, atol=1e-2)
