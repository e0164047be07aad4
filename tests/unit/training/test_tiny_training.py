"""A whole training, of a few pictures and epochs."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import opencc
import pytest
import torch
from tihua_server.clip.tiny_clip import read_network
from tihua_server.clip.tiny_network import NetworkShape, TinyNetwork
from tihua_server.clip.tokenizer import Tokenizer
from tihua_server.training import checkpoints
from tihua_server.training.compositions import Compositions
from tihua_server.training.curve import Curve, Point
from tihua_server.training.emoji import TEST_SET, TRAINING_SETS, Emoji, read_names
from tihua_server.training.failures import TrainingError
from tihua_server.training.inheritance import hand_down
from tihua_server.training.materials import Materials
from tihua_server.training.photographs import Photographs
from tihua_server.training.recipe import Recipe
from tihua_server.training.spellings import simplified_tokens
from tihua_server.training.tiny_training import evaluate_tiny, train_tiny
from tihua_server.training.vocabulary import Vocabulary

RECIPE = Recipe(
    shape=NetworkShape(image_size=32, dim=16, image_hidden=16, character_dim=16, text_hidden=16),
    captions_per_batch=2,
    twins_per_batch=2,
    others_per_batch=2,
    head_epochs=4,
    block_epochs=0,
    compositions=4,
    prototype_draws=1,
    emoji_views=1,
    kept_steps=1,
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


class _StoppedError(Exception):
    pass


def _stop_after(
    place: tuple[int, int], monkeypatch: pytest.MonkeyPatch, train: Callable[[], object]
) -> None:
    """Train until a stage and epoch are in the curve."""
    record = Curve.record

    def stop(curve: Curve, point: Point) -> None:
        record(curve, point)
        if (point.stage, point.epoch) == place:
            raise _StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(Curve, "record", stop)
        with pytest.raises(_StoppedError):
            train()


def _weights(model: Path) -> dict[str, torch.Tensor]:
    return dict(read_network(model).state_dict())


@pytest.mark.slow
def test_a_stopped_training_ends_where_an_unbroken_one_does(
    materials: Materials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, optimizer, rate and draws continue from the epoch that it stopped after."""
    recipe = replace(RECIPE, block_epochs=2, head_rate=0.02, block_rate=0.02)
    broken = tmp_path / "broken"
    unbroken, digest = train_tiny(materials, recipe, tmp_path / "unbroken", device="cpu")
    assert len(digest) == 64

    for place in ((1, 2), (2, 1)):
        _stop_after(place, monkeypatch, lambda: train_tiny(materials, recipe, broken, device="cpu"))
    resumed, _ = train_tiny(materials, recipe, broken, device="cpu")
    expected = _weights(unbroken)
    for name, tensor in _weights(resumed).items():
        torch.testing.assert_close(tensor, expected[name], msg=name, rtol=1e-2, atol=1e-3)
    tables = [(tmp_path / run / "curve.tsv").read_text() for run in ("broken", "unbroken")]
    places = [[line.split("\t")[:2] for line in table.splitlines()[1:]] for table in tables]
    assert (
        places[0]
        == places[1]
        == [["1", str(epoch)] for epoch in (1, 2, 3, 4)]
        + [
            ["2", "1"],
            ["2", "2"],
        ]
    )
    with pytest.raises(TrainingError, match=r"blocks\.pt belongs to a training with another"):
        train_tiny(materials, replace(recipe, block_epochs=3), broken, device="cpu")
    later = checkpoints.CHECKPOINT_FORMAT + 1
    monkeypatch.setattr(checkpoints, "CHECKPOINT_FORMAT", later)
    with pytest.raises(TrainingError, match=r"heads\.pt belongs to .* or to another version of"):
        train_tiny(materials, recipe, broken, device="cpu")
    lines = list(evaluate_tiny(materials, resumed, device="cpu"))
    assert [line.split(":")[0] for line in lines] == [
        "caption → photograph",
        "name → Fluent 3D emoji",
        "Noto emoji → its Fluent 3D twin",
    ]


@pytest.mark.gpu
def test_a_training_on_a_gpu_goes_on_after_a_stop(
    materials: Materials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both stages, over windows too; the result is served on the GPU."""
    recipe = replace(RECIPE, block_epochs=2)
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    train_tiny(materials, recipe, unbroken, device="cuda:0")
    for place in ((1, 2), (2, 1)):
        _stop_after(
            place, monkeypatch, lambda: train_tiny(materials, recipe, broken, device="cuda:0")
        )
    model, _ = train_tiny(materials, recipe, broken, device="cuda:0")
    losses = [[point.loss for point in Curve(out).points] for out in (unbroken, broken)]
    # A GPU adds up in another order each time.
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
    assert len(list(evaluate_tiny(materials, model, device="cuda:0"))) == 3


@pytest.mark.slow
def test_a_model_goes_on_with_pictures_of_another_kind(
    materials: Materials, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From emoji alone to photographs alone, whose captions have tokens of their own."""
    emoji = replace(materials, photographs=None, validation=None)
    first, _ = train_tiny(emoji, RECIPE, tmp_path / "emoji", device="cpu")
    photographs = replace(materials, emoji=(), compositions=None, test=None)
    model, _ = train_tiny(
        photographs, RECIPE, tmp_path / "tuned", device="cpu", start=read_network(first)
    )
    told = capsys.readouterr().err
    assert "before: val R@1/5/10" in told
    assert "val never rose above R@1/5/10 100.0/100.0/100.0 of the start" in told
    before, after = read_network(first).text, read_network(model).text
    assert after.characters.num_embeddings > before.characters.num_embeddings
    ids = torch.from_numpy(Tokenizer().tokenize("狗在跑, 马").ids)[None]
    torch.testing.assert_close(after(ids), before(ids))


@pytest.mark.usefixtures("torch_alone")
def test_nothing_is_learned_from_what_is_measured_by(
    materials: Materials, photograph_folder: Path, tmp_path: Path
) -> None:
    """Other captions in `val/` do not change the model."""
    recipe = replace(RECIPE, head_epochs=1)
    _, digest = train_tiny(materials, recipe, tmp_path / "one", device="cpu")
    table = photograph_folder / "captions.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()
    others = [re.sub(r"^(val/.*\t).*", r"\1龘靐齉爩麤灪", line) for line in lines]
    assert others != lines
    table.write_text("\n".join(others), encoding="utf-8")
    validation = Photographs(photograph_folder, "val", views=1, seed=0)
    changed = replace(materials, validation=validation)
    assert train_tiny(changed, recipe, tmp_path / "other", device="cpu")[1] == digest


@pytest.mark.usefixtures("torch_alone")
def test_other_pictures_to_measure_by_are_another_training(
    materials: Materials, photograph_folder: Path, tmp_path: Path
) -> None:
    """It is refused before features are computed; with the old pictures the run continues."""
    recipe = replace(RECIPE, head_epochs=1)
    _, digest = train_tiny(materials, recipe, tmp_path / "out", device="cpu")
    shutil.copy(photograph_folder / "train" / "a.jpg", photograph_folder / "val" / "c.jpg")
    validation = Photographs(photograph_folder, "val", views=1, seed=0)
    changed = replace(materials, validation=validation)
    features = sorted((tmp_path / "out" / "features").iterdir())
    with pytest.raises(TrainingError, match=r"heads\.pt belongs to a training with another model"):
        train_tiny(changed, recipe, tmp_path / "out", device="cpu")
    assert sorted((tmp_path / "out" / "features").iterdir()) == features
    assert train_tiny(materials, recipe, tmp_path / "out", device="cpu")[1] == digest


@pytest.mark.usefixtures("torch_alone")
def test_another_table_of_spellings_is_another_training(
    materials: Materials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update of OpenCC may give tokens other rows, in which the old weights mean nothing."""
    recipe = replace(RECIPE, head_epochs=1)
    train_tiny(materials, recipe, tmp_path, device="cpu")
    monkeypatch.setattr(opencc, "OpenCC", lambda _: SimpleNamespace(convert=lambda text: text))
    simplified_tokens.cache_clear()
    try:
        with pytest.raises(TrainingError, match=r"heads\.pt belongs to .* tihua or OpenCC"):
            train_tiny(materials, recipe, tmp_path, device="cpu")
    finally:
        simplified_tokens.cache_clear()


def test_what_is_handed_down_embeds_as_before(materials: Materials, tmp_path: Path) -> None:
    """Also texts with tokens and pairs that only the larger tables have."""
    old = TinyNetwork(NetworkShape(characters=4, bigrams=2)).eval()
    Vocabulary(tokens=(700, 800), pairs=((2, 3),)).fill(old.text)
    known = Vocabulary.of_tower(old.text)
    wider = Vocabulary(tokens=(600, 750), pairs=((2, 3),)).united(known)
    new = TinyNetwork(wider.shape(old.shape)).eval()
    wider.fill(new.text)
    hand_down(old.text, new.text)
    known_texts = [[101, 700, 800, 102, 0], [101, 800, 5, 102, 0]]
    new_texts = [[101, 600, 700, 750, 102], [101, 800, 600, 750, 102], [101, 600, 750, 102, 0]]
    ids = torch.tensor(known_texts + new_texts)
    torch.testing.assert_close(new.text(ids), old.text(ids))
