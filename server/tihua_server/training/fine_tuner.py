"""Fine-tunes a Chinese-CLIP model on captioned pictures, as cn_clip's own training does.

Loss, optimizer and file are those of cn_clip (`training/train.py`, `training/main.py` 1.6.0); the
numbers are those of its recipe for Flickr30k-CN (`run_scripts/flickr30k_finetune_vit-b-16_…sh`).
Nothing of its training code is run: that needs CUDA, a process group and a database of pictures.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn
from torch.nn import functional

from tihua_server.architecture import Architecture
from tihua_server.chinese_clip import PIXEL_MEAN, PIXEL_STD
from tihua_server.fingerprint import fingerprint
from tihua_server.tokenizer import Tokenizer
from tihua_server.training.curve import Curve, Point
from tihua_server.training.photographs import Photographs
from tihua_server.training.pictures import to_square
from tihua_server.training.recall import Recall, recall
from tihua_server.training.vocabulary import pad
from tihua_server.types import PixelArray

MAX_LOG_SCALE = math.log(100)
"""Where the learned inverse temperature is stopped (`train.py`, as in CLIP's paper)."""

BETAS = (0.9, 0.98)
EPS = 1e-6
"""AdamW's, cn_clip's for vision transformers (`params.py`)."""

WITHOUT_DECAY = ("bn", "ln", "bias", "logit_scale")
"""Parts of the names of parameters that have no weight decay (`main.py`)."""

LATEST = "latest.pt"
"""The checkpoint that a stopped run goes on from: cn_clip's format, the optimizer in it."""


@dataclass(frozen=True, slots=True)
class FineTuneRecipe:
    """How to fine-tune.

    Attributes:
        seed: of every draw.
        epochs: how often every pair of picture and caption is seen.
        batch_size: pairs a step; the wrong answers come from the same batch, so more is better.
        rate: peak learning rate.
        weight_decay: AdamW's.
        warm_up_steps: over which the rate rises.
    """

    seed: int = 0
    epochs: int = 3
    batch_size: int = 128
    rate: float = 5e-5
    weight_decay: float = 0.001
    warm_up_steps: int = 100


class FineTuner:
    """Fine-tunes one network.

    Args:
        architecture: of the network.
        state: its weights, as `read_checkpoint` returns them.
        recipe: how.
        folder: where checkpoint, curve and model go; a run that was stopped goes on there.
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
        self._recipe = recipe
        self._folder = folder
        self._device = device
        self._tokenizer = Tokenizer()
        self._optimizer = torch.optim.AdamW(
            _groups(network, recipe.weight_decay), lr=recipe.rate, betas=BETAS, eps=EPS
        )

    def train(
        self, photographs: Photographs, validation: Photographs | None, progress: Progress
    ) -> Path:
        """Train, and return the checkpoint that `tihua-server --model-path` serves.

        Args:
            photographs: to learn from.
            validation: measured before the first epoch and after each; None measures nothing.
            progress: shows how far it is, and what was measured.

        Raises:
            ValueError: there are fewer pairs than a batch takes, or the folder has the checkpoint
                of another training.
        """
        pairs = [
            (index, caption)
            for index in range(len(photographs))
            for caption in range(len(photographs.texts(index)))
        ]
        size = self._recipe.batch_size
        per_epoch = len(pairs) // size
        if not per_epoch:
            raise ValueError(
                f"{len(pairs)} pairs of picture and caption do not fill a batch of {size}: take a"
                " smaller --batch-size"
            )
        curve = Curve(self._folder)
        steps = per_epoch * self._recipe.epochs
        training = f"{self._recipe} from {self._origin} on {_digest(photographs)}"
        first = self._resume(training)
        task = progress.add_task("fine-tuning", total=steps, completed=first * per_epoch)
        if validation and not first:
            progress.console.print(f"before: val {self._recall(validation)}")
        for epoch in range(first, self._recipe.epochs):
            # A generator per epoch, so that a resumed run draws what an unbroken one would have.
            random = np.random.default_rng([self._recipe.seed, epoch])
            order = random.permutation(len(pairs))
            chosen = [pairs[int(at)] for at in order[: per_epoch * size]]
            views = random.integers(photographs.views, size=len(chosen)).tolist()
            torch.manual_seed(int(random.integers(2**32)))
            self._set_training_mode()
            losses = []
            batches = self._batches(photographs, chosen, views)
            for step, (pixels, ids) in enumerate(batches, start=epoch * per_epoch):
                self._set_rate(step, steps)
                losses.append(self._step(pixels, ids))
                progress.advance(task)
            self._save(self._folder / LATEST, epoch + 1, (epoch + 1) * per_epoch, training)
            point = Point(1, epoch + 1, float(np.mean(losses)))
            if validation:
                found = self._recall(validation)
                point = Point(1, epoch + 1, point.loss, found.at[10])
                progress.console.print(f"epoch {epoch + 1}: loss {point.loss:.3f}, val {found}")
            curve.record(point)
        model = self._folder / f"clip_cn_{self._architecture.name.lower()}.pt"
        self._save(model, self._recipe.epochs, steps)
        return model

    def _step(self, pixels: Tensor, ids: Tensor) -> float:
        with torch.autocast(torch.device(self._device).type, torch.bfloat16):
            pictures = self._network.encode_image(pixels)
            texts = self._network.encode_text(ids)
        # In float32: of near neighbours bfloat16 can't tell which is nearer.
        pictures, texts = (functional.normalize(x.float(), dim=-1) for x in (pictures, texts))
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

    def _batches(
        self, photographs: Photographs, pairs: Sequence[tuple[int, int]], views: Sequence[int]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield pixels and token ids, the next batch being prepared meanwhile."""
        size = self._recipe.batch_size

        def batch(start: int) -> tuple[Tensor, Tensor]:
            rows = range(start, start + size)
            pixels = [self._square(photographs, pairs[at][0], views[at]) for at in rows]
            texts = [photographs.texts(pairs[at][0])[pairs[at][1]] for at in rows]
            return self._pixels(pixels), self._ids(texts)

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(batch, 0)
            for start in range(size, len(pairs) + size, size):
                ready = waiting.result()
                if start < len(pairs):
                    waiting = pool.submit(batch, start)
                yield ready

    def _square(self, photographs: Photographs, index: int, view: int) -> PixelArray:
        return to_square(photographs.picture(index, view), self._architecture.image_size)

    def _pixels(self, squares: Sequence[PixelArray]) -> Tensor:
        scaled = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float().div(255)
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (PIXEL_MEAN, PIXEL_STD))
        return scaled.sub(mean).div(std).to(self._device)

    def _ids(self, texts: Sequence[str]) -> Tensor:
        return pad([self._tokenizer.tokenize(text).ids for text in texts]).to(self._device)

    def _recall(self, validation: Photographs) -> Recall:
        self._network.eval()
        size = self._recipe.batch_size
        captions = [(text, at) for at in range(len(validation)) for text in validation.texts(at)]
        pictures, texts = [], []
        with (
            torch.inference_mode(),
            torch.autocast(torch.device(self._device).type, torch.bfloat16),
        ):
            for start in range(0, len(validation), size):
                rows = range(start, min(start + size, len(validation)))
                squares = [self._square(validation, row, 0) for row in rows]
                pictures.append(self._network.encode_image(self._pixels(squares)))
            for start in range(0, len(captions), size):
                ids = self._ids([text for text, _ in captions[start : start + size]])
                texts.append(self._network.encode_text(ids))
        found, sought = (
            functional.normalize(torch.cat(parts).float(), dim=-1).cpu().numpy()
            for parts in (pictures, texts)
        )
        return recall(sought, found, [at for _, at in captions])

    def _set_training_mode(self) -> None:
        """Train everything but the batch norms' statistics, which a small batch would spoil."""
        self._network.train()
        for module in self._network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def _set_rate(self, step: int, steps: int) -> None:
        warm_up = min(self._recipe.warm_up_steps, max(1, steps // 10))
        share = (
            (step + 1) / warm_up
            if step < warm_up
            else 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))
        )
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.rate * share

    def _resume(self, training: str) -> int:
        """Return how many epochs are done, everything set to where it was after them."""
        file = self._folder / LATEST
        if not file.exists():
            return 0
        saved = torch.load(file, map_location=self._device, weights_only=True)
        if saved.get("training") != training:
            raise ValueError(
                f"{file} is of a training with another model, other data or settings: choose"
                " another --out, or delete it"
            )
        state = {name.removeprefix("module."): each for name, each in saved["state_dict"].items()}
        self._network.load_state_dict(state)
        self._optimizer.load_state_dict(saved["optimizer"])
        return int(saved["epoch"])

    def _save(self, file: Path, epoch: int, step: int, training: str | None = None) -> None:
        """Write a checkpoint; with a training, one that it can go on from."""
        content: dict[str, Any] = {
            "epoch": epoch,
            "step": step,
            "name": self._architecture.name,
            "state_dict": {
                f"module.{name}": tensor for name, tensor in self._network.state_dict().items()
            },
        }
        if training is not None:
            content["training"] = training
            content["optimizer"] = self._optimizer.state_dict()
        partial = file.with_suffix(".partial.pt")
        torch.save(content, partial)
        partial.rename(file)


def _digest(photographs: Photographs) -> str:
    """Return what tells captioned pictures from others: number, and hash of the captions."""
    texts = [photographs.texts(index) for index in range(len(photographs))]
    return f"{len(texts)} pictures, {hashlib.sha256(repr(texts).encode()).hexdigest()[:16]}"


def _groups(network: Any, weight_decay: float) -> list[dict[str, Any]]:
    named = list(network.named_parameters())
    is_free = [any(part in name for part in WITHOUT_DECAY) for name, _ in named]
    free = [each for (_, each), skip in zip(named, is_free, strict=True) if skip]
    rest = [each for (_, each), skip in zip(named, is_free, strict=True) if not skip]
    return [
        {"params": free, "weight_decay": 0.0},
        {"params": rest, "weight_decay": weight_decay},
    ]
