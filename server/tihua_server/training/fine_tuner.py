"""Fine-tunes a Chinese-CLIP model on captioned pictures, as cn_clip's own training does.

Loss, optimizer and file are those of cn_clip (`training/train.py`, `training/main.py` 1.6.0), and
the numbers are mostly those of its recipe (`fine_tune_recipe.py`).
Its training code itself is not used: it needs CUDA, a process group and a database of pictures.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor
from torch.nn import functional

from tihua_server.clip.architecture import Architecture
from tihua_server.clip.fingerprint import fingerprint
from tihua_server.training.best_weights import BEFORE, BestWeights
from tihua_server.training.curve import Curve, Point
from tihua_server.training.fine_tune_recipe import FineTuneRecipe
from tihua_server.training.pairs import PairDealer, PairReader
from tihua_server.training.photographs import Photographs
from tihua_server.training.recall import Recall, recall
from tihua_server.training.schedule import require_finite
from tihua_server.training.state_file import read_state, write_state
from tihua_server.training.towers import Towers

MAX_LOG_SCALE = math.log(100)
"""Upper bound of the learned log inverse temperature (`train.py`, as in CLIP's paper)."""

LATEST = "latest.pt"
"""The checkpoint that a stopped run resumes from: cn_clip's format, with the optimizer."""

CHECKPOINT_FORMAT = 2
"""Version of what it contains besides; raise it when that changes, so that older checkpoints are
refused."""


class FineTuner:
    """Fine-tunes one network.

    Args:
        architecture: the network's.
        state: its weights, as `read_checkpoint` returns them.
        recipe: how to train.
        folder: where checkpoint, curve and model are; a stopped run is resumed from there.
        device: where to compute, as torch names it.
    """

    def __init__(
        self,
        architecture: Architecture,
        state: Mapping[str, Tensor],
        recipe: FineTuneRecipe,
        *,
        folder: Path,
        device: str,
    ) -> None:
        network = architecture.network()
        weights = {
            name: tensor.to(
                torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True
            )
            for name, tensor in state.items()
        }
        network.load_state_dict(weights, assign=True)
        self._origin = fingerprint(weights, {"architecture": architecture.name})
        self._architecture = architecture
        self._network = network.to(device).requires_grad_(requires_grad=True)
        self._towers = Towers(self._network, is_resnet=architecture.is_resnet, device=device)
        self._recipe = recipe
        self._folder = folder
        self._device = device
        self._reader = PairReader(
            image_size=architecture.image_size, batch_size=recipe.batch_size, device=device
        )
        self._optimizer = recipe.optimizer(network, is_resnet=architecture.is_resnet)
        self._best = BestWeights()

    def train(
        self, photographs: Photographs, validation: Photographs | None, progress: Progress
    ) -> Path:
        """Train, and return the checkpoint that `tihua-server --model-path` serves.

        It has the weights with the best recall on `validation`, which may be those of the start.

        Args:
            photographs: to learn from; two or more.
            validation: measured before the first epoch and after each that is kept; with None
                nothing is measured, and the last weights are written.
            progress: shows a bar, and the results of measurements.

        Raises:
            TrainingError: the loss is infinite or NaN, or the folder has a checkpoint that is
                damaged or of another training.
        """
        dealer = PairDealer(photographs, self._recipe.batch_size)
        per_epoch = len(dealer)
        epochs = self._recipe.epochs_of(per_epoch)
        recipe = replace(self._recipe, epochs=epochs)
        curve = Curve(self._folder)
        steps = per_epoch * epochs
        measured_by = validation.digest if validation else "nothing"
        training = (
            f"format {CHECKPOINT_FORMAT}: {recipe} from {self._origin} on {photographs.digest},"
            f" measured by {measured_by}"
        )
        done = self._resume(training)
        first = done.epoch if done else 0
        progress.console.print(f"{steps} steps: {epochs} epochs of {per_epoch}")
        self._begin(done, curve, validation, progress)
        task = progress.add_task("fine-tuning", total=steps, completed=first * per_epoch)
        for epoch in range(first, epochs):
            # A generator per epoch, so that a resumed run draws what an unbroken one would have.
            random = np.random.default_rng([recipe.seed, epoch])
            batches = dealer.epoch(random)
            torch.manual_seed(int(random.integers(2**32)))
            self._towers.train()
            losses = []
            read = self._reader.batches(photographs, batches)
            for step, (pixels, ids) in enumerate(read, start=epoch * per_epoch):
                self._set_rate(step, steps)
                losses.append(self._step(pixels, ids))
                require_finite(losses[-1], f"epoch {epoch + 1}", "a lower --rate")
                progress.advance(task)
            loss = float(np.mean(losses))
            if not recipe.keeps(epoch + 1, epochs, per_epoch):
                curve.note(Point(1, epoch + 1, loss))
                continue
            point = self._measured(epoch + 1, loss, validation, progress)
            resumable = {
                "training": training,
                "point": asdict(point),
                "optimizer": self._optimizer.state_dict(),
                "best": self._best.state(),
            }
            self._save(self._folder / LATEST, epoch + 1, (epoch + 1) * per_epoch, resumable)
            curve.record(point)
        self._best.adopt(self._network)
        progress.console.print(self._best.summary())
        model = self._folder / f"clip_cn_{self._architecture.name.lower()}.pt"
        # cn_clip's training would resume at this epoch and step; training the result starts anew.
        self._save(model, 0, 0)
        return model

    def _begin(
        self,
        done: Point | None,
        curve: Curve,
        validation: Photographs | None,
        progress: Progress,
    ) -> None:
        """Measure the start of a new run, or record the epoch that a stop left out of the curve."""
        if done is None:
            curve.restart()
            if validation:
                found = self._recall(validation)
                progress.console.print(f"before: val {found}")
                self._best.offer(self._network, found, BEFORE)
                curve.record(Point.of(1, 0, None, found))
            return
        if curve.before is not None:
            progress.console.print(f"before: val R@10 {curve.before:.1f}")
        curve.resume(done)

    def _measured(
        self, epoch: int, loss: float, validation: Photographs | None, progress: Progress
    ) -> Point:
        """Measure an epoch, print the result, and return its point of the curve."""
        found = self._recall(validation) if validation else None
        if found:
            self._best.offer(self._network, found, f"epoch {epoch}")
        result = f", val {found}" if found else ""
        progress.console.print(f"epoch {epoch}: loss {loss:.3f}{result}")
        return Point.of(1, epoch, loss, found)

    def _step(self, pixels: Tensor, ids: Tensor) -> float:
        pictures = self._towers.embed_pictures(pixels)
        texts = self._towers.embed_texts(ids)
        scores = self._network.logit_scale.exp() * pictures @ texts.T
        right = torch.arange(len(scores), device=self._device)
        loss = (
            functional.cross_entropy(scores, right) + functional.cross_entropy(scores.T, right)
        ) / 2
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        with torch.no_grad():
            self._network.logit_scale.clamp_(0, MAX_LOG_SCALE)
        return loss.item()

    def _recall(self, validation: Photographs) -> Recall:
        self._towers.eval()
        captions = [(text, at) for at in range(len(validation)) for text in validation.texts(at)]
        with torch.inference_mode():
            pictures = [
                self._towers.embed_pictures(pixels) for pixels in self._reader.pictures(validation)
            ]
            texts = [
                self._towers.embed_texts(ids)
                for ids in self._reader.texts([text for text, _ in captions])
            ]
        found, sought = (torch.cat(parts).cpu().numpy() for parts in (pictures, texts))
        return recall(sought, found, [at for _, at in captions])

    def _set_rate(self, step: int, steps: int) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.rate_at(step, steps)

    def _resume(self, training: str) -> Point | None:
        """Restore the state after the last epoch that was kept and return it; None if none was."""
        file = self._folder / LATEST
        if not file.exists():
            return None
        saved = read_state(file, training)
        state = {name.removeprefix("module."): each for name, each in saved["state_dict"].items()}
        self._network.load_state_dict(state)
        self._optimizer.load_state_dict(saved["optimizer"])
        self._best.restore(saved["best"])
        return Point(**saved["point"])

    def _save(
        self, file: Path, epoch: int, step: int, further: Mapping[str, Any] | None = None
    ) -> None:
        """Write a checkpoint in cn_clip's format, with further entries for resuming."""
        content: dict[str, Any] = {
            "epoch": epoch,
            "step": step,
            "name": self._architecture.name,
            "state_dict": {
                f"module.{name}": tensor for name, tensor in self._network.state_dict().items()
            },
        }
        write_state(file, content | dict(further or {}))
