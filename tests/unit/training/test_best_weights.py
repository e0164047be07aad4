"""A training delivers the best of all weights that were measured."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tihua_server.clip.efficientnet_lite import POOLED_CHANNELS
from tihua_server.clip.tiny_network import NetworkShape, TinyNetwork
from tihua_server.clip.tokenizer import Tokenizer
from tihua_server.training.album import Album, Mixture
from tihua_server.training.best_weights import BEFORE, BestWeights
from tihua_server.training.checkpoints import Checkpoints
from tihua_server.training.curve import Curve, Point
from tihua_server.training.failures import TrainingError
from tihua_server.training.progress import training_progress
from tihua_server.training.recall import Recall
from tihua_server.training.recipe import Recipe
from tihua_server.training.trainer import Trainer
from tihua_server.training.vocabulary import Vocabulary

RECIPE = Recipe(captions_per_batch=2, head_epochs=4, block_epochs=0, head_rate=0.02, kept_steps=1)
TEXTS = ("一只狗", "一座桥", "月亮", "下雨")

Weights = dict[str, torch.Tensor]


class _Things:
    name = digest = "things"

    def __len__(self) -> int:
        return len(TEXTS)

    def texts(self, index: int) -> tuple[str, ...]:
        return (TEXTS[index],)

    def group(self, index: int) -> str:
        return str(index)


def _recall(share: float, first: float = 0.0) -> Recall:
    return Recall(at={1: first, 5: first, 10: share}, median_rank=1, queries=1)


class _Measured:
    """Returns given recalls, and keeps the weights that it was called with."""

    def __init__(self, *shares: float) -> None:
        self._shares: Iterator[float] = iter(shares)
        self.weights: list[Weights] = []

    def __call__(self, network: TinyNetwork, has_old_blocks: bool) -> Recall:
        self.weights.append({name: each.clone() for name, each in network.state_dict().items()})
        return _recall(next(self._shares))


def _trainer(
    folder: Path,
    measured: _Measured | None,
    before: float | None = None,
    *,
    recipe: Recipe = RECIPE,
) -> Trainer:
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    tokenizer = Tokenizer()
    tokens = {text: tokenizer.tokenize(text).ids for text in TEXTS}
    vocabulary = Vocabulary.of(tokens.values(), max_pairs=0, min_pair_count=1)
    shape = NetworkShape(dim=8, image_hidden=8, character_dim=8, text_hidden=8)
    network = TinyNetwork(vocabulary.shape(shape)).eval()
    vocabulary.fill(network.text)
    album = Album(_Things(), (torch.rand(len(TEXTS), POOLED_CHANNELS),), has_captions=True)
    mixture = Mixture([album], [], [], captions_per_batch=2, twins_per_batch=0, others_per_batch=0)
    return Trainer(
        network,
        mixture,
        tokens,
        recipe,
        checkpoints=Checkpoints(folder, recipe, "things"),
        device="cpu",
        validate=measured,
        before=None if before is None else _recall(before),
        curve=Curve(folder),
    )


def _train(trainer: Trainer) -> Weights:
    with training_progress() as progress:
        trainer.train(progress)
    return dict(trainer.network.state_dict())


def _are_same(one: Weights, other: Weights) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_the_epoch_that_found_most_is_delivered(tmp_path: Path) -> None:
    """It is named, with the recall of the start; of equals the later one is taken."""
    measured = _Measured(50.0, 60.0, 60.0, 55.0)
    trainer = _trainer(tmp_path, measured, before=40.0)
    assert _are_same(_train(trainer), measured.weights[2])
    assert trainer.best.summary() == (
        "written: the weights of heads 3/4, val R@1/5/10 0.0/0.0/60.0; before, it was"
        " R@1/5/10 0.0/0.0/40.0"
    )


def test_a_start_that_nothing_surpassed_is_delivered(tmp_path: Path) -> None:
    """The message has a remedy and does not call it a success."""
    trainer = _trainer(tmp_path, _Measured(39.0, 40.0, 38.0, 37.0), before=40.0)
    start = {name: each.clone() for name, each in trainer.network.state_dict().items()}
    assert _are_same(_train(trainer), start)
    assert "val never rose above R@1/5/10 0.0/0.0/40.0 of the start" in trainer.best.summary()
    assert "more pictures or another --rate" in trainer.best.summary()


def test_where_all_are_among_ten_the_first_place_decides() -> None:
    """With ten pictures or fewer, R@10 is always 100."""
    network, best = torch.nn.Linear(1, 1), BestWeights()
    best.offer(network, _recall(100.0, 20.0), BEFORE)
    best.offer(network, _recall(100.0, 80.0), "heads 1/2")
    best.offer(network, _recall(100.0, 70.0), "heads 2/2")
    assert "the weights of heads 1/2, val R@1/5/10 80.0/80.0/100.0" in best.summary()


def test_the_last_epoch_is_delivered_where_nothing_is_measured(tmp_path: Path) -> None:
    """The same weights as if the last had been the best."""
    last = _Measured(1.0, 2.0, 3.0, 4.0)
    trainer = _trainer(tmp_path / "blind", None)
    assert _are_same(_train(trainer), _train(_trainer(tmp_path / "seeing", last)))
    assert "nothing was measured" in trainer.best.summary()


@pytest.mark.parametrize("is_recorded", [True, False])
def test_what_found_most_before_a_stop_is_still_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_recorded: bool
) -> None:
    """Nothing is measured twice, whether the run stopped before or after it recorded the epoch."""

    class StoppedError(Exception):
        pass

    record = Curve.record

    def stop(curve: Curve, point: Point) -> None:
        if is_recorded or point.epoch < 2:
            record(curve, point)
        if point.epoch == 2:
            raise StoppedError

    measured = _Measured(50.0, 60.0)
    with monkeypatch.context() as patch:
        patch.setattr(Curve, "record", stop)
        with pytest.raises(StoppedError):
            _train(_trainer(tmp_path, measured, before=40.0))
    resumed = _trainer(tmp_path, _Measured(59.0, 58.0), before=40.0)
    assert _are_same(_train(resumed), measured.weights[1])
    assert "the weights of heads 2/4, val R@1/5/10 0.0/0.0/60.0; before" in resumed.best.summary()
    shares = [(one.epoch, one.recall_at_10) for one in Curve(tmp_path).points]
    assert shares == [(0, 40.0), (1, 50.0), (2, 60.0), (3, 59.0), (4, 58.0)]


def test_a_resumed_training_ends_bit_for_bit_as_an_unbroken_one(tmp_path: Path) -> None:
    """After a complete training, the same command delivers the same weights again."""
    first = _train(_trainer(tmp_path, _Measured(50.0, 60.0, 59.0, 58.0), before=40.0))
    again = _train(_trainer(tmp_path, _Measured(), before=40.0))
    assert _are_same(first, again)


def test_a_rate_that_is_too_high_is_named(tmp_path: Path) -> None:
    """The message suggests a lower one."""
    trainer = _trainer(tmp_path, None, recipe=replace(RECIPE, head_rate=1e38))
    with pytest.raises(TrainingError, match=r"heads, epoch \d: the loss is .*; try a lower --rate"):
        _train(trainer)


def test_a_few_pictures_are_seen_often_and_kept_seldom(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two steps an epoch make more epochs, of which every third leaves a checkpoint and a curve."""
    recipe = replace(RECIPE, fewest_steps=13, kept_steps=6)
    recorded: list[int] = []
    curve_file = tmp_path / "curve.tsv"

    class Looking(_Measured):
        """Reads the curve of the epoch before when an epoch is measured."""

        def __call__(self, network: TinyNetwork, has_old_blocks: bool) -> Recall:
            if curve_file.exists():
                recorded.append(Curve(tmp_path).points[-1].epoch)
            return super().__call__(network, has_old_blocks)

    _train(_trainer(tmp_path, Looking(*range(7)), recipe=recipe))
    assert "heads, 14 steps: 7 epochs of 2" in capsys.readouterr().err
    assert recorded == [3, 3, 3, 6]
    assert [one.epoch for one in Curve(tmp_path).points] == [1, 2, 3, 4, 5, 6, 7]


def test_a_stop_between_two_kept_epochs_changes_nothing(tmp_path: Path) -> None:
    """Epochs that were not kept are trained and measured again."""

    class StoppedError(Exception):
        pass

    class Stopping(_Measured):
        """Stops the training when the fourth epoch would be measured."""

        def __call__(self, network: TinyNetwork, has_old_blocks: bool) -> Recall:
            if len(self.weights) == 3:
                raise StoppedError
            return super().__call__(network, has_old_blocks)

    recipe = replace(RECIPE, kept_steps=4)
    with pytest.raises(StoppedError):
        _train(_trainer(tmp_path / "broken", Stopping(50.0, 60.0, 59.0), recipe=recipe))
    resumed = _train(_trainer(tmp_path / "broken", _Measured(59.0, 61.0), recipe=recipe))
    unbroken = _trainer(tmp_path / "unbroken", _Measured(50.0, 60.0, 59.0, 61.0), recipe=recipe)
    assert _are_same(resumed, _train(unbroken))
    tables = [(tmp_path / run / "curve.tsv").read_text() for run in ("broken", "unbroken")]
    assert tables[0] == tables[1]
