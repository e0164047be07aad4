"""Trains `tihua-tiny` in two stages.

stage 1  heads and text tower   over features of the backbone as it was: an epoch takes seconds
stage 2  the last blocks too    over what the first blocks made of windows: an epoch takes minutes

Each ends with the mean of its weights over the last steps, and that is what is measured on the way.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn

from tihua_server.fingerprint import fingerprint
from tihua_server.tiny_network import TinyNetwork
from tihua_server.training.album import Mixture, Pick
from tihua_server.training.average import WeightAverage
from tihua_server.training.bags import embed_texts
from tihua_server.training.captions import CaptionSampler
from tihua_server.training.contrastive import contrastive_loss, described, same, twin_loss
from tihua_server.training.curve import Curve, Point
from tihua_server.training.pooling import Pooled, Pooling
from tihua_server.training.recall import Recall
from tihua_server.training.recipe import Recipe
from tihua_server.types import TokenArray

START_SCALE = 14.0
MAX_SCALE = 50.0
"""Inverse temperature: where it starts (CLIP's 1/0.07) and where it is stopped."""

WARM_UP = 0.05
"""Share of the steps over which the learning rate rises."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the training.

    Attributes:
        number: 1 or 2.
        name: for progress bar and checkpoint.
        epochs: how many.
        rates: peak learning rate of each group of parameters.
        pool: some pictures → pooled features, with gradient where there is one.
    """

    number: int
    name: str
    epochs: int
    rates: Sequence[tuple[Sequence[nn.Parameter], float]]
    pool: Callable[[Sequence[Pick]], Pooled]


class Trainer:
    """Trains a network on albums.

    Args:
        network: its backbone filled, its vocabulary too.
        mixture: what to train on.
        tokens: the tokens of every text of the albums.
        recipe: how.
        folder: where the checkpoint lies; a run that was stopped goes on from it.
        validate: measures the network, after every tenth of a stage; told whether its blocks are
            as they were. None measures nothing.
        curve: keeps what every epoch brought.
    """

    def __init__(
        self,
        network: TinyNetwork,
        mixture: Mixture,
        tokens: Mapping[str, TokenArray],
        recipe: Recipe,
        *,
        folder: Path,
        device: str,
        validate: Callable[[TinyNetwork, bool], Recall] | None,
        curve: Curve,
    ) -> None:
        self._network = network.to(device)
        self._mixture = mixture
        self._albums = mixture.albums
        self._tokens = tokens
        self._recipe = recipe
        self._folder = folder
        self._device = device
        self._validate = validate
        self._curve = curve
        self._origin = fingerprint(network.state_dict(), {})
        self._scale = nn.Parameter(torch.tensor(math.log(START_SCALE), device=device))
        self._pooling = Pooling(
            network.image,
            mixture.albums,
            frozen_blocks=recipe.frozen_blocks,
            device=device,
        )
        for dropout in (network.image.dropout, network.text.dropout):
            dropout.p = recipe.dropout

    def train(self, progress: Progress) -> None:
        """Train both stages, or what is left of them.

        Raises:
            ValueError: the folder has a checkpoint of another training.
        """
        image, text = self._network.image, self._network.text
        heads = [*image.norm.parameters(), *image.hidden.parameters()]
        heads += [*image.project.parameters(), *image.direct.parameters()]
        heads += [*text.parameters(), self._scale]
        blocks = [
            *image.blocks[self._recipe.frozen_blocks :].parameters(),
            *image.top.parameters(),
        ]
        for parameter in image.parameters():
            parameter.requires_grad_(False)
        for parameter in heads:
            parameter.requires_grad_(True)
        head_rate, block_rate = self._recipe.head_rate, self._recipe.block_rate
        rates = [(heads, head_rate)]
        epochs = self._recipe.head_epochs
        stage = Stage(1, "heads", epochs, rates, self._pooling.cached)
        self._run(stage, progress)
        for parameter in blocks:
            parameter.requires_grad_(True)
        rates = [(heads, head_rate), (blocks, block_rate)]
        epochs = self._recipe.block_epochs
        stage = Stage(2, "blocks", epochs, rates, self._pooling.fresh)
        self._run(stage, progress)

    def _run(self, stage: Stage, progress: Progress) -> None:
        optimizer = torch.optim.AdamW(
            [{"params": params, "lr": rate} for params, rate in stage.rates],
            weight_decay=self._recipe.weight_decay,
            fused=True,
        )
        average = WeightAverage(
            [parameter for params, _ in stage.rates for parameter in params],
            self._recipe.average_decay,
        )
        per_epoch = len(self._mixture)
        steps = per_epoch * stage.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
        first = self._resume(stage, optimizer, schedule, average)
        task = progress.add_task(stage.name, total=steps, completed=first * per_epoch)
        for epoch in range(first, stage.epochs):
            # A generator per epoch, so that a resumed run draws what an unbroken one would have.
            random = np.random.default_rng([self._recipe.seed, stage.number, epoch])
            sampler = CaptionSampler(self._tokens, random, thinning=self._recipe.thinning)
            torch.manual_seed(int(random.integers(2**32)))
            losses = []
            self._network.train()
            for picks in self._mixture.epoch(random):
                loss = self._loss(picks, sampler, stage)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
                average.update()
                losses.append(loss.detach())
                progress.advance(task)
            self._network.eval()
            self._save(stage, epoch + 1, optimizer, schedule, average)
            point = Point(stage.number, epoch + 1, torch.stack(losses).mean().item())
            is_due = (epoch + 1) % math.ceil(stage.epochs / 10) == 0 or epoch + 1 == stage.epochs
            if self._validate and is_due:
                with average.shown():
                    found = self._validate(self._network, stage.number == 1)
                point = replace(point, recall_at_10=found.at[10])
                progress.console.print(
                    f"{stage.name} {epoch + 1}/{stage.epochs}: loss {point.loss:.3f}, val {found}"
                )
            self._curve.record(point)
        average.adopt()

    def _loss(self, picks: Sequence[Pick], sampler: CaptionSampler, stage: Stage) -> Tensor:
        drawn, right, groups, tokens = [], [], [], []
        for pick in picks:
            album = self._albums[pick.album]
            texts = album.source.texts(pick.index)
            chosen = (sampler.captions if album.has_captions else sampler.names)(
                texts, self._recipe.texts_per_picture
            )
            drawn += [text for text, _ in chosen]
            tokens += [ids for _, ids in chosen]
            right.append(texts)
            groups.append(album.source.group(pick.index))
        is_same = same(groups)
        is_own = torch.eye(len(picks), dtype=torch.bool).repeat_interleave(
            self._recipe.texts_per_picture, dim=1
        )
        is_right = is_same.repeat_interleave(self._recipe.texts_per_picture, dim=1)
        is_right |= described(right, drawn)
        pooled = stage.pool(picks)
        pictures = self._network.image.embed(pooled.features)
        words = embed_texts(self._network.text, tokens)
        scale = self._scale.exp().clamp(max=MAX_SCALE)
        smoothing = self._recipe.label_smoothing
        loss = contrastive_loss(
            scale * pictures @ words.T,
            is_own.to(self._device),
            is_right.to(self._device),
            label_smoothing=smoothing,
        )
        twins = twin_loss(
            scale * pictures @ pictures.T, is_same.to(self._device), label_smoothing=smoothing
        )
        return loss + self._recipe.twin_weight * twins + self._recipe.drift_weight * pooled.drift

    def _training(self, stage: Stage) -> str:
        """Return what tells this training from others, as far as this stage goes."""
        recipe = self._recipe
        if stage.number == 1:
            recipe = replace(recipe, block_epochs=0)
        return f"{recipe} from {self._origin}"

    def _resume(
        self,
        stage: Stage,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LambdaLR,
        average: WeightAverage,
    ) -> int:
        """Return how many epochs are done, everything set to where it was after them."""
        file = self._folder / f"{stage.name}.pt"
        if not file.exists():
            return 0
        state = torch.load(file, map_location=self._device, weights_only=True)
        if state.get("training") != self._training(stage):
            raise ValueError(
                f"{file} is of a training with other data, start or settings: choose another --out,"
                " or delete it"
            )
        self._network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        average.restore(state["average"])
        with torch.no_grad():
            self._scale.copy_(state["scale"])
        return int(state["epochs"])

    def _save(
        self,
        stage: Stage,
        epochs: int,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LambdaLR,
        average: WeightAverage,
    ) -> None:
        state = {
            "training": self._training(stage),
            "network": self._network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "average": average.state(),
            "scale": self._scale.detach(),
            "epochs": epochs,
        }
        partial = self._folder / f"{stage.name}.partial.pt"
        torch.save(state, partial)
        partial.rename(self._folder / f"{stage.name}.pt")


def _rate(step: int, steps: int) -> float:
    """Return the share of the peak rate at a step: a rise, then half a cosine down to nothing."""
    rise = max(1, int(steps * WARM_UP))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, steps - rise))))
