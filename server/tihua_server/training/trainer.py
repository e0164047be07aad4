"""Trains `tihua-tiny` in two stages.

stage 1  heads and text tower   over features of the unchanged image tower: an epoch takes seconds
stage 2  the last blocks too    over the first blocks' output for windows: an epoch takes minutes

The moving average of the weights is what is measured. A stage ends with the best average so far, or
with the start if none is better; if nothing is measured, with the last average.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from rich.progress import Progress

from tihua_server.clip.tiny_network import TinyNetwork
from tihua_server.training.album import Mixture
from tihua_server.training.average import WeightAverage
from tihua_server.training.batch_loss import BatchLoss
from tihua_server.training.best_weights import BEFORE, BestWeights
from tihua_server.training.captions import CaptionSampler
from tihua_server.training.checkpoints import BLOCKS, HEADS, Checkpoints
from tihua_server.training.curve import Curve, Point
from tihua_server.training.pooling import Pooling
from tihua_server.training.recall import Recall
from tihua_server.training.recipe import Recipe
from tihua_server.training.schedule import is_kept, require_finite
from tihua_server.training.stage_optimizer import Stage, StageOptimizer
from tihua_server.types import TokenArray


class Trainer:
    """Trains a network on albums.

    Args:
        network: the network to train, with its backbone and its vocabulary filled in.
        mixture: the mixture to train on.
        tokens: token ids of every text of the albums.
        recipe: how to train.
        checkpoints: of this training; a stopped run is resumed from them.
        device: where to compute, as torch names it.
        validate: measures the network, up to ten times in a stage; the second argument is whether
            its blocks are unchanged. None measures nothing.
        before: recall of the network before training; None if it is not measured.
        curve: gets a point for every epoch.

    Attributes:
        network: the network under training.
        best: the best weights so far.
    """

    def __init__(
        self,
        network: TinyNetwork,
        mixture: Mixture,
        tokens: Mapping[str, TokenArray],
        recipe: Recipe,
        *,
        checkpoints: Checkpoints,
        device: str,
        validate: Callable[[TinyNetwork, bool], Recall] | None,
        before: Recall | None = None,
        curve: Curve,
    ) -> None:
        self.network = network.to(device)
        self._mixture = mixture
        self._tokens = tokens
        self._recipe = recipe.lasting(len(mixture))
        self._checkpoints = checkpoints
        self._device = device
        self._validate = validate
        self._before = before
        self._curve = curve
        self.best = BestWeights()
        self._loss = BatchLoss(network, mixture.albums, self._recipe, device)
        self._pooling = Pooling(
            network.image, mixture.albums, frozen_blocks=recipe.frozen_blocks, device=device
        )
        for dropout in (network.image.dropout, network.text.dropout):
            dropout.p = recipe.dropout

    def train(self, progress: Progress) -> None:
        """Train both stages, or the rest of them, and load the best weights into the network.

        Raises:
            TrainingError: a checkpoint is damaged or belongs to another training, or the loss is
                infinite or NaN.
        """
        image, text = self.network.image, self.network.text
        heads = [*image.norm.parameters(), *image.hidden.parameters()]
        heads += [*image.project.parameters(), *image.direct.parameters()]
        heads += [*text.parameters(), self._loss.scale]
        blocks = [
            *image.blocks[self._recipe.frozen_blocks :].parameters(),
            *image.top.parameters(),
        ]
        recipe = self._recipe
        stages = [
            Stage(1, HEADS, recipe.head_epochs, [(heads, recipe.head_rate)], self._pooling.cached)
        ]
        if recipe.block_epochs:
            rates = [(heads, recipe.head_rate), (blocks, recipe.block_rate)]
            stages.append(Stage(2, BLOCKS, recipe.block_epochs, rates, self._pooling.fresh))
        saved = {stage.name: self._checkpoints.read(stage.name) for stage in stages}
        if not saved[HEADS]:
            self._begin()
        for parameter in image.parameters():
            parameter.requires_grad_(False)
        for stage in stages:
            for parameters, _ in stage.rates:
                for parameter in parameters:
                    parameter.requires_grad_(True)
            self._run(stage, saved[stage.name], progress)

    def _begin(self) -> None:
        self._curve.restart()
        if self._before:
            self.best.offer(self.network, self._before, BEFORE)
            self._curve.record(Point.of(1, 0, None, self._before))

    def _run(self, stage: Stage, saved: dict[str, Any] | None, progress: Progress) -> None:
        per_epoch = len(self._mixture)
        steps = per_epoch * stage.epochs
        optimizer = StageOptimizer(stage.rates, self._recipe, steps=steps)
        progress.console.print(f"{stage.name}, {steps} steps: {stage.epochs} epochs of {per_epoch}")
        first = 0
        if saved:
            self._restore(saved, optimizer)
            done = Point(**saved["point"])
            first = done.epoch
            self._curve.resume(done)
        task = progress.add_task(stage.name, total=steps, completed=first * per_epoch)
        for epoch in range(first, stage.epochs):
            # A generator per epoch, so that a resumed run draws what an unbroken one would have.
            random = np.random.default_rng([self._recipe.seed, stage.number, epoch])
            sampler = CaptionSampler(self._tokens, random, thinning=self._recipe.thinning)
            torch.manual_seed(int(random.integers(2**32)))
            losses = []
            self.network.train()
            for picks in self._mixture.epoch(random):
                loss = self._loss.of(picks, sampler, stage.pool)
                optimizer.step(loss)
                losses.append(loss.detach())
                progress.advance(task)
            self.network.eval()
            mean = torch.stack(losses).mean().item()
            require_finite(
                mean, f"{stage.name}, epoch {epoch + 1}", "a lower --rate or more pictures"
            )
            point = self._measured(stage, epoch + 1, mean, optimizer.average, progress)
            if is_kept(epoch + 1, stage.epochs, per_epoch, self._recipe.kept_steps):
                self._save(stage, point, optimizer)
                self._curve.record(point)
            else:
                self._curve.note(point)
        optimizer.average.adopt()
        self.best.adopt(self.network)

    def _measured(
        self, stage: Stage, epoch: int, loss: float, average: WeightAverage, progress: Progress
    ) -> Point:
        """Return an epoch's point; up to ten epochs of a stage are measured and printed."""
        point = Point(stage.number, epoch, loss)
        if epoch % math.ceil(stage.epochs / 10) == 0 or epoch == stage.epochs:
            when = f"{stage.name} {epoch}/{stage.epochs}"
            line = f"{when}: loss {loss:.3f}"
            if self._validate:
                with average.shown():
                    found = self._validate(self.network, stage.number == 1)
                    self.best.offer(self.network, found, when)
                point = Point.of(stage.number, epoch, loss, found)
                line += f", val {found}"
            progress.console.print(line)
        return point

    def _restore(self, saved: dict[str, Any], optimizer: StageOptimizer) -> None:
        self.network.load_state_dict(saved["network"])
        optimizer.restore(saved)
        self.best.restore(saved["best"])
        with torch.no_grad():
            self._loss.scale.copy_(saved["scale"])

    def _save(self, stage: Stage, point: Point, optimizer: StageOptimizer) -> None:
        state = {
            "network": self.network.state_dict(),
            "scale": self._loss.scale.detach(),
            "point": asdict(point),
            "best": self.best.state(),
        }
        self._checkpoints.write(stage.name, state | optimizer.state())
