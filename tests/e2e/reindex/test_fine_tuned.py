"""A collection moves to a fine-tuned model: two files of one architecture, in one server."""

import shutil
from pathlib import Path

import pytest
import tihua
import torch
from processes import GALLERY, run_tihua, running
from tihua_server.clip.tiny_clip import PACKAGED_MODEL, read_network
from tihua_server.training.model_file import write_model

ENGINE = ("--engine", "torch", "--precision", "fp32")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A tihua-tiny whose embeddings of pictures differ a lot from those of the packaged one."""
    network = read_network(PACKAGED_MODEL)
    half = network.shape.dim // 2
    with torch.no_grad():
        for layer in (network.image.project, network.image.direct):
            layer.weight[:half] *= -1
        network.image.project.bias[:half] *= -1
    file = tmp_path / "mine.safetensors"
    write_model(network, file)
    return file


def test_a_collection_moves_to_a_fine_tuned_model_of_its_own_architecture(
    mine: Path, tmp_path: Path
) -> None:
    """Both are served, the new one under its own id; afterwards only the new one."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in sorted(GALLERY.glob("*.jpg"))[:8]:
        shutil.copy(path, photos)
    picture = min(photos.iterdir())
    data = tmp_path / "data"

    with running(data, *ENGINE, "--also-model", f"mine:tihua-tiny={mine}") as server:
        for command in (["ingest"], ["collections", "reindex", "pictures"]):
            model = ["--model", "mine"] if "reindex" in command else []
            done = run_tihua(*command, photos, *model, address=server.address)
            assert done.returncode == 0, done.stderr
        with tihua.Client(server.address) as client:
            found = client.search(image=picture, limit=1)
            assert (found.model.id, found[0].id) == ("mine", picture.name)
            assert found[0].score == pytest.approx(1, abs=1e-3)
            [old] = [each for each in client.list_collections() if each.model.id == "tihua-tiny"]

    with (
        running(data, *ENGINE, "--model-path", str(mine), "--model-id", "mine") as server,
        tihua.Client(server.address) as client,
    ):
        found = client.search(image=picture, limit=1)
        assert (found.model.id, found[0].id) == ("mine", picture.name)
        with pytest.raises(tihua.FailedPreconditionError, match="with --also-model tihua-tiny too"):
            client.search(image=picture, collection=old.name)
