"""A server of two models, and a folder of pictures to be embedded by both."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tihua
from in_process import serving
from processes import GALLERY
from reindexing import PICTURES
from small_clip import small_encoder
from tihua_server.app import App
from tihua_server.config import Config
from tihua_server.encoders import load_encoder
from tihua_server.types import Encoder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Encoder]:
    """The packaged model, and a small Chinese-CLIP of random weights."""
    return load_encoder(Config()), small_encoder(tmp_path_factory.mktemp("models"))


@pytest.fixture
async def app(tmp_path: Path, models: tuple[Encoder, Encoder]) -> AsyncIterator[App]:
    """A server of both."""
    config = Config(port=0, data_dir=tmp_path / "data", drain_timeout_s=5)
    tiny, small = models
    async with serving(tiny, config, small) as running:
        yield running


@pytest.fixture
async def client(app: App) -> AsyncIterator[tihua.AsyncClient]:
    """A client whose calls are about `photos`."""
    async with tihua.AsyncClient(app.address, collection="photos") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of pictures, `000.jpg` and on."""
    made = tmp_path / "photos"
    made.mkdir()
    for number, path in enumerate(sorted(GALLERY.glob("*.jpg"))[:PICTURES]):
        shutil.copy(path, made / f"{number:03}.jpg")
    return made
