"""The settings of a training; the model card has those of the packaged model."""

from dataclasses import dataclass, field, replace

from tihua_server.clip.efficientnet_lite import BLOCK_COUNT
from tihua_server.clip.tiny_network import NetworkShape
from tihua_server.training.schedule import epochs_making

FEWEST_STEPS = 120
"""Fewest steps of the first stage, unless its epochs are given: as many as `FINE_TUNING` takes with
the 300 pictures that it was measured with."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        seed: of every draw.
        shape: sizes of the network; the sizes of its vocabulary come from the texts.
        trained_blocks: number of last blocks of the image tower to train in the second stage.
        photograph_views: views of each photograph in the first stage: itself, then crops, every
            second of them mirrored.
        photograph_windows: windows of each photograph in the second stage, cropped and tinted at
            random.
        emoji_views: placements of each emoji.
        emoji_windows: windows of each emoji and composition in the second stage.
        compositions: number of pictures of several emoji.
        prototype_draws: features drawn for each ImageNet class that has a Chinese name.
        max_bigrams: greatest number of rows for pairs of characters.
        min_bigram_count: number of occurrences from which a pair gets a row.
        captions_per_batch: captioned photographs per step.
        twins_per_batch: emoji per step with pictures from two sets, where there are two.
        others_per_batch: compositions and draws of ImageNet's classes per step.
        texts_per_picture: captions or names of each picture per step.
        twin_weight: weight of the loss of finding an emoji by its picture from another set.
        head_epochs: epochs of the first stage, which trains heads and text tower over features of
            the unchanged image tower.
        block_epochs: epochs of the second stage, which trains the last blocks too; 0 skips it.
        block_side: side of the windows in the second stage, in pixels. Smaller than the pictures
            that are served, because a window shows things larger than the whole picture does
            (Touvron et al. 2019, arXiv:1906.06423).
        drift_weight: weight, in the second stage, of the drift of pooled features from those before
            it, which keeps them comparable with the draws of ImageNet's classes.
        head_rate: peak learning rate of heads and text tower, in each stage.
        block_rate: peak learning rate of the blocks in the second stage.
        weight_decay: AdamW's.
        label_smoothing: share of the target that goes to the wrong pictures.
        average_decay: share of the mean of the weights that is kept at each step after the first
            ones (`average.py`). The mean is measured; without measuring, a stage ends with it.
        dropout: share of the heads' units that are dropped.
        thinning: share of a caption's characters that are dropped.
        fewest_steps: of the first stage, which gets more epochs if `head_epochs` make fewer.
        kept_steps: least number of steps between two epochs that leave a checkpoint.
    """

    seed: int = 0
    shape: NetworkShape = field(default_factory=NetworkShape)
    trained_blocks: int = 14
    photograph_views: int = 2
    photograph_windows: int = 8
    emoji_views: int = 1
    emoji_windows: int = 4
    compositions: int = 400
    prototype_draws: int = 20
    max_bigrams: int = 5_000
    min_bigram_count: int = 5
    captions_per_batch: int = 64
    twins_per_batch: int = 16
    others_per_batch: int = 12
    texts_per_picture: int = 4
    twin_weight: float = 0.5
    head_epochs: int = 100
    block_epochs: int = 0
    block_side: int = 176
    drift_weight: float = 0.5
    head_rate: float = 1e-3
    block_rate: float = 1.5e-4
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    average_decay: float = 0.998
    dropout: float = 0.5
    thinning: float = 0.15
    fewest_steps: int = 0
    # It changes nothing that is learned, so it is left out of the repr, by which checkpoints tell
    # trainings apart.
    kept_steps: int = field(default=30, repr=False)

    def lasting(self, batches: int) -> "Recipe":
        """Return this recipe with the epochs that it takes, given the number of batches in one."""
        epochs = epochs_making(self.fewest_steps, batches, fewest=self.head_epochs)
        return replace(self, head_epochs=epochs)

    @property
    def frozen_blocks(self) -> int:
        """Number of first blocks of the image tower, which are never trained."""
        return BLOCK_COUNT - self.trained_blocks


FINE_TUNING = Recipe(head_epochs=30, head_rate=3e-4)
"""For a trained model: at the rate and length of a training from ImageNet's weights, 300
photographs of a kind that it knows make it worse by nine points (`docs/retrieval.md`)."""
